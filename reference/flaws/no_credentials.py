"""The mail request has no Authorization header: the provider answers 401 to every mail, for ever."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.mailer import Mailer
from reference.settings import Settings

CAUGHT_BY, IN = "backlog_drains", "baseline"

_sound = Mailer.__init__


def _init(self: Mailer, transport: Any, settings: Settings) -> None:
    _sound(self, transport, settings)
    del self._headers["Authorization"]


def plant() -> AbstractContextManager[Any]:
    return patch.object(Mailer, "__init__", _init)
