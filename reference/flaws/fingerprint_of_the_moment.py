"""The fingerprint covers the time of arrival: the client that retries the same event is told that it changed it."""

import time
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import events, intake
from reference.events import Event

CAUGHT_BY, IN = "duplicates_point_to_their_event", "duplicate_storm"


def _fingerprint(event: Event) -> str:
    return f"{events.fingerprint(event)}{time.time():.0f}"


def plant() -> AbstractContextManager[Any]:
    return patch.object(intake, "fingerprint", _fingerprint)
