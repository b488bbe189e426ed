"""Once open, the breaker stays open: after an outage no mail goes out until somebody restarts the workers."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.breaker import Breaker

CAUGHT_BY, IN = "backlog_drains", "sendgrid_outage"


def _remaining_seconds(self: Breaker) -> float:
    return 3.0 if self.state == "open" else 0.0


def plant() -> AbstractContextManager[Any]:
    return patch.object(Breaker, "remaining_seconds", _remaining_seconds)
