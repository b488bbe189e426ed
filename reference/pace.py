"""How a long-running process is made fast: uvloop where it is installed, and a garbage collector that leaves the start alone.

Where to go next: ``__main__`` (API and worker begin here).
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

# Young objects die by themselves here; a full collection looks at everything that is alive, and whoever is served then waits.
_THRESHOLDS = (50_000, 20, 50)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` to its end, as ``asyncio.run`` does, on the fastest event loop there is."""
    try:
        from uvloop import new_event_loop
    except ImportError:  # it comes with uvicorn[standard], where there is one for the platform
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)


def settle() -> None:
    """What a process has made by now it keeps: the garbage collector does not look at it again, and looks less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
