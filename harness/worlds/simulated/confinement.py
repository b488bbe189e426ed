"""What is closed to a service while it is simulated: the wall clock, the machine's entropy, threads.

`confined` replaces them for as long as a simulation runs and puts everything back. The loop that moves the clock is
in `time.py`.
"""

from __future__ import annotations

import os
import random
import threading
import time as wall
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NoReturn

import time_machine

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)  # when every simulation begins
NANOSECONDS = 1_000_000_000


class Clock:
    """`time.time`, `datetime.now` and `time.monotonic` of the simulated machine."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self._traveller = traveller
        self._epoch_ns = traveller._destination_timestamp_ns

    def show(self, seconds: float) -> None:
        """Set the wall clock to so long after the epoch; what `move_to` does, without asking what kind of time it is."""
        self._traveller._destination_timestamp_ns = self._epoch_ns + round(seconds * NANOSECONDS)

    def follow(self, time_s: Callable[[], float]) -> None:
        """Let `time.monotonic` tell `time_s` (time-machine leaves it alone)."""
        wall.monotonic = time_s
        wall.monotonic_ns = lambda: int(time_s() * NANOSECONDS)


@contextmanager
def confined(seed: int) -> Iterator[Clock]:
    """Virtual clock, seeded entropy, no threads, until the block ends."""
    state = random.getstate()
    entropy = random.Random(f"{seed}:entropy")
    random.seed(f"{seed}:global")
    # time-machine first: it keeps what `time` holds at its start and crashes if that was replaced before.
    travel = time_machine.travel(EPOCH, tick=False)
    traveller = travel.start()
    try:
        with (
            _replaced(os, "urandom", entropy.randbytes),
            _replaced(random, "_urandom", entropy.randbytes),
            _replaced(threading.Thread, "start", _refuse_thread),
            _replaced(wall, "monotonic", wall.monotonic),
            _replaced(wall, "monotonic_ns", wall.monotonic_ns),
        ):
            yield Clock(traveller)
    finally:
        travel.stop()
        random.setstate(state)


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)


def _refuse_thread(thread: threading.Thread) -> NoReturn:
    raise RuntimeError(
        f"{thread.name} is a thread, and the simulation has none; endpoints, dependencies and clients must be coroutines."
    )
