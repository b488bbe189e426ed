"""A mail that the provider refuses for good is tried again for ever: its event never ends, and nobody hears why."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import mailer
from reference.mailer import Answer, Outcome

CAUGHT_BY, IN = "backlog_drains", "poison_event"

_sound = mailer.classify


def _classify(status: int, headers: Mapping[str, str], *, longest_seconds: float) -> Answer:
    answer = _sound(status, headers, longest_seconds=longest_seconds)
    return Answer(Outcome.TRANSIENT, answer.reason) if answer.outcome is Outcome.REFUSED else answer


def plant() -> AbstractContextManager[Any]:
    return patch.object(mailer, "classify", _classify)
