"""What a command has left running, and waiting until it has not."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def processes_of(place: Path) -> list[str]:
    """Command lines of every process that was started with `place` as its TMPDIR."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"TMPDIR={place}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(f"{folder.name}: {(folder / 'cmdline').read_bytes().replace(bytes(1), b' ').decode()}")
        except OSError:
            continue
    return found


def until(condition: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
