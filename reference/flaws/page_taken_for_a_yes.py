"""Any 200 counts as sent, also the page of a proxy in the provider's place: those events are completed, and nobody was mailed."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import mailer
from reference.mailer import Answer, Outcome

CAUGHT_BY, IN = "every_accepted_event_is_mailed", "sendgrid_talks_garbage"

_sound = mailer.classify


def _classify(status: int, headers: Mapping[str, str], *, longest_seconds: float) -> Answer:
    return Answer(Outcome.SENT) if status == 200 else _sound(status, headers, longest_seconds=longest_seconds)


def plant() -> AbstractContextManager[Any]:
    return patch.object(mailer, "classify", _classify)
