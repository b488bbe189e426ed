"""Events expire from Redis six seconds after they were accepted, done or not: an outage that lasts longer loses them."""

from contextlib import AbstractContextManager
from typing import Any

from reference.flaws import edited

CAUGHT_BY, IN = "every_accepted_event_is_mailed", "sendgrid_outage"


def plant() -> AbstractContextManager[Any]:
    return edited("accept", "redis.call('PERSIST', index)", "redis.call('PEXPIRE', record, 6000)")
