"""The wall clock of a run, and the journal in which processes and servers leave their traces."""

from __future__ import annotations

import time

from harness.history import Entry, History, Lifecycle


class WallClock:
    """Seconds since the traffic began; before `begin` it counts from its own making."""

    def __init__(self) -> None:
        self._zero_s = time.monotonic()
        self._zero_unix_s = time.time()

    def begin(self) -> None:
        """The clock reads 0 now."""
        self._zero_s, self._zero_unix_s = time.monotonic(), time.time()

    def now(self) -> float:
        """Seconds since the traffic began."""
        return time.monotonic() - self._zero_s

    def at_unix(self, unix_s: float) -> float:
        """What this clock showed, or will show, at a Unix time."""
        return unix_s - self._zero_unix_s


class Journal:
    """Writes into the history, once the traffic has begun; what happens before is set-up and of no interest."""

    def __init__(self, history: History, clock: WallClock) -> None:
        self.clock = clock
        self.history = history
        self._is_open = False

    def begin(self) -> None:
        """The traffic begins now."""
        self.clock.begin()
        self._is_open = True

    def end(self) -> None:
        """What happens from now on is tearing down."""
        self._is_open = False

    def record(self, entry: Entry) -> None:
        """Append one entry."""
        if self._is_open:
            self.history.record(entry)

    def note(self, process: str, what: str, *, detail: str = "", ended: tuple[int, float | None] | None = None) -> None:
        """Something happened to a process; `ended` is its exit code and the seconds since it was told to end, if so."""
        exit_code, took_s = ended if ended else (None, None)
        now = self.clock.now()
        self.record(Lifecycle(process=process, what=what, at_s=now, detail=detail, exit_code=exit_code, took_s=took_s))
