"""A 503 of the provider is taken for a refusal: every event of an outage fails for good, and its mail is never sent."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import mailer
from reference.mailer import Answer, Outcome

CAUGHT_BY, IN = "failed_is_justified", "sendgrid_outage"

_sound = mailer.classify


def _classify(status: int, headers: Mapping[str, str], *, longest_seconds: float) -> Answer:
    answer = _sound(status, headers, longest_seconds=longest_seconds)
    return Answer(Outcome.REFUSED, answer.reason) if answer.outcome is Outcome.TRANSIENT else answer


def plant() -> AbstractContextManager[Any]:
    return patch.object(mailer, "classify", _classify)
