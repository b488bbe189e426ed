"""Waiting for a condition with a deadline; `tests/harness/worlds/real/waiting.py` is the same for a running event loop."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], bool], *, seconds: float = 30.0, otherwise: str = "waited in vain") -> None:
    """Return once it is true; fail, saying `otherwise`, if it is not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{otherwise} after {seconds:g} s"
        time.sleep(0.02)
