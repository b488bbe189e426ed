"""Half open, the breaker lets everything through: each reset throws the whole backlog at a provider that is still down."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.breaker import Breaker
from reference.delivery import Delivery
from reference.flaws import together

CAUGHT_BY, IN = "provider_is_spared", "sendgrid_outage"

_sound = Breaker._has_room


def _has_room(self: Breaker) -> bool:
    return _sound(self) or self.state == "half-open"


def _mails_welcome(self: Delivery) -> int:
    return 0 if self._postman.closed_for_seconds() > 0 else 250


def plant() -> AbstractContextManager[Any]:
    return together(patch.object(Breaker, "_has_room", _has_room), patch.object(Delivery, "mails_welcome", _mails_welcome))
