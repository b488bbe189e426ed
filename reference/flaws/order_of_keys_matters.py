"""The fingerprint is that of the text, not of what it says: a client whose JSON puts its keys in another order is refused."""

import hashlib
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import intake
from reference.events import Event

CAUGHT_BY, IN = "duplicates_point_to_their_event", "duplicate_storm"


def _fingerprint(event: Event) -> str:
    return hashlib.sha256(event.model_dump_json().encode()).hexdigest()


def plant() -> AbstractContextManager[Any]:
    return patch.object(intake, "fingerprint", _fingerprint)
