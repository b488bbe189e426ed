"""Seconds are stored where milliseconds are read: what should wait for four seconds waits for more than an hour."""

from contextlib import AbstractContextManager
from typing import Any

from reference.flaws import edited

CAUGHT_BY, IN = "every_accepted_event_is_mailed", "sendgrid_rate_limit"


def plant() -> AbstractContextManager[Any]:
    return edited("delay", "now_ms + tonumber(ARGV[at + 2])", "now_ms + 1000 * tonumber(ARGV[at + 2])")
