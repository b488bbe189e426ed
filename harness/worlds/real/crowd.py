"""Who had this machine's processors: the service with its servers, or others. Read from /proc, once a second.

Others are everything that does not descend from the stack's guardian: other stacks, the harness, whatever else runs here.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass

from harness.history import Crowd
from harness.worlds.real.guardian import descendants

LOOKS_EVERY_S = 1.0
IDLE, IOWAIT, COUNTED = 3, 4, 8  # fields of /proc/stat: idle, iowait, and those before guest time, which stands in user time too


@dataclass(frozen=True, slots=True)
class Used:
    """Processor time since some beginning, in ticks: of the whole machine, idle time included, and of one stack's processes."""

    everything: int
    idle: int
    own: dict[int, int]  # by process

    def others_since(self, before: Used) -> float:
        """Which share of the processors went to others between two looks, 0 to 1."""
        passed = self.everything - before.everything
        busy = passed - (self.idle - before.idle)
        own = sum(ticks - before.own.get(pid, 0) for pid, ticks in self.own.items())
        return min(1.0, max(0.0, (busy - own) / passed)) if passed > 0 else 0.0


def look(root: int) -> Used | None:
    """What has been used by now; None where this machine's processors are not all ours to use, so that the share says nothing."""
    with open("/proc/stat", encoding="ascii") as file:
        lines = [line.split() for line in file if line.startswith("cpu")]
    if len(lines) - 1 != len(os.sched_getaffinity(0)):
        return None
    ticks = [int(field) for field in lines[0][1 : 1 + COUNTED]]
    own = {pid: used for pid in (root, *descendants(root)) if (used := _ticks(pid)) is not None}
    return Used(everything=sum(ticks), idle=ticks[IDLE] + ticks[IOWAIT], own=own)


async def watch(root: int, record: Callable[[Crowd], None], now: Callable[[], float]) -> None:
    """Record for ever how crowded it was beside the processes below `root`."""
    before, before_s = await asyncio.to_thread(look, root), now()
    while before is not None:
        await asyncio.sleep(LOOKS_EVERY_S)
        used, at_s = await asyncio.to_thread(look, root), now()
        if used is None:
            return
        record(Crowd(begin_s=round(before_s, 3), end_s=round(at_s, 3), others=round(used.others_since(before), 3)))
        before, before_s = used, at_s


def _ticks(pid: int) -> int | None:
    """User and system time of a process; None for one that is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return int(fields[11]) + int(fields[12])
