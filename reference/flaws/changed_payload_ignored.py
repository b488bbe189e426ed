"""The same pair with another payload is answered duplicate: the client believes that its correction was taken."""

from contextlib import AbstractContextManager
from typing import Any

from reference.flaws import edited

CAUGHT_BY, IN, WORLD = "a_changed_payload_is_refused", "duplicate_storm", "both"


def plant() -> AbstractContextManager[Any]:
    return edited("accept", "known[1] ~= fingerprint", "false")
