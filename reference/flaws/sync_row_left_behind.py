"""The synchronous path refuses an event whose mail was refused, but leaves its row: what was never taken is in the books."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import memory, statements
from reference.flaws import together

CAUGHT_BY, IN, SYSTEM = "refusals_are_honest", "poison_event", "sync"


def plant() -> AbstractContextManager[Any]:
    real = patch.object(statements, "DISCARD", statements.RELEASE)
    return together(real, patch.object(memory, "_discard", memory._release))
