"""The time that a 429 names is read as milliseconds: the provider is called again a thousand times too soon."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import mailer

CAUGHT_BY, IN = "rate_limit_is_respected", "sendgrid_rate_limit"

_sound = mailer.wait_seconds


def _wait_seconds(headers: Mapping[str, str], *, longest_seconds: float) -> float:
    return _sound(headers, longest_seconds=longest_seconds) / 1000


def plant() -> AbstractContextManager[Any]:
    return patch.object(mailer, "wait_seconds", _wait_seconds)
