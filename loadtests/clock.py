"""One clock for everything that is written down: Unix seconds that never jump, so that differences are exact."""

from __future__ import annotations

import time

_UNIX_OF_ZERO = time.time() - time.perf_counter()  # read once; forked workers inherit it


def now() -> float:
    """Unix seconds now."""
    return _UNIX_OF_ZERO + time.perf_counter()


def monotonic_of(unix_s: float) -> float:
    """The same moment on the system's monotonic clock, which timers take."""
    return unix_s - _UNIX_OF_ZERO
