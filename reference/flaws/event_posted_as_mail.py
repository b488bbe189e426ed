"""The event itself is posted where the provider expects a mail: it is refused, and every event fails."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import mailer
from reference.events import Event

CAUGHT_BY, IN = "failed_is_justified", "baseline"


def _body(event: Event, *, mail_from: str) -> dict[str, object]:
    return event.model_dump()


def plant() -> AbstractContextManager[Any]:
    return patch.object(mailer, "body", _body)
