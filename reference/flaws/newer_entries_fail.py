"""An entry that a later release wrote is failed by an older worker as one that cannot be stored, though it was promised."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import versions
from reference.events import Event, InvalidEventError

CAUGHT_BY, IN, WORLD = "failed_is_justified", "schema_change_in_the_queue", "both"

_sound = versions.read


def _read(text: str, *, newest: int = versions.NEWEST) -> Event:
    try:
        return _sound(text, newest=newest)
    except versions.NewerVersionError as error:
        raise InvalidEventError(str(error)) from None


def plant() -> AbstractContextManager[Any]:
    return patch.object(versions, "read", _read)
