"""An event that waits for its next attempt is shown as failed: the client gives up on what is done a moment later."""

from contextlib import AbstractContextManager
from typing import Any

from reference.flaws import edited

CAUGHT_BY, IN = "failed_is_justified", "sendgrid_outage"


def plant() -> AbstractContextManager[Any]:
    return edited("delay", "{'status', 'pending'}", "{'status', 'failed'}")
