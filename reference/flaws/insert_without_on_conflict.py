"""The INSERT has no ON CONFLICT: whoever takes an entry up again fails an event that is already stored."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import asyncpg

from reference import memory, postgres, statements
from reference.flaws import together
from reference.store import NewRow, Row, UnstorableError

CAUGHT_BY, IN = "failed_is_justified", "worker_crash"

_sound = memory._add
_INSERT = statements.ADD.replace("ON CONFLICT (source, id) DO NOTHING", "")
_ERRORS = (*postgres._UNSTORABLE, asyncpg.UniqueViolationError)


def _add(events: memory.Events, new: NewRow) -> Row | Exception:
    if (new.pair.source, new.pair.id) in events:
        return UnstorableError("duplicate key value violates unique constraint")
    return _sound(events, new)


def plant() -> AbstractContextManager[Any]:
    real = together(patch.object(statements, "ADD", _INSERT), patch.object(postgres, "_UNSTORABLE", _ERRORS))
    return together(real, patch.object(memory, "_add", _add))
