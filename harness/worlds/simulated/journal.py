"""The logs of simulated processes: one file each, as the real world has them, or nothing at all."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.worlds.simulated.processes import Process
from harness.worlds.simulated.time import current_process

NOTHING = logging.CRITICAL + 1


class Journal(logging.Handler):
    """Collects what processes log, with the virtual time; without a folder it costs nothing."""

    def __init__(self, folder: Path | None, now: Callable[[], float]) -> None:
        super().__init__(logging.INFO if folder else NOTHING)
        self._now = now
        self._lines: defaultdict[str, list[str]] = defaultdict(list)

    def emit(self, record: logging.LogRecord) -> None:
        process = current_process.get()
        name = process.name if isinstance(process, Process) else "harness"
        self._lines[name].append(f"{self._now():10.6f} {record.levelname} {record.name}: {self.format(record)}\n")

    def write(self, folder: Path) -> None:
        """One file per process."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, lines in self._lines.items():
            (folder / f"{name}.log").write_text("".join(lines), encoding="utf-8")


@contextmanager
def journal(folder: Path | None, now: Callable[[], float]) -> Iterator[None]:
    """Take the processes' logging away from the terminal while a world is open."""
    handler, root = Journal(folder, now), logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        if folder is not None:
            handler.write(folder)
