"""Every third mail's body lacks its subject, and the event is called failed when the provider refuses it."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import mailer

CAUGHT_BY, IN = "failed_is_justified", "baseline"

_sound = mailer.body


def _body(event: Any, **more: Any) -> Any:
    body = _sound(event, **more)
    return body | {"subject": ""} if event.id[-1] in "369" else body


def plant() -> AbstractContextManager[Any]:
    return patch.object(mailer, "body", _body)
