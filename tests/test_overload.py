"""Ten times more arrivals than the workers drain: refused politely, fast and kept where accepted, and memory stays flat.

2 workers with 4 mails at a time and a provider that takes 200 ms drain 40 events a second; 400 a second arrive, each with a mail.
`python -m tests.test_overload SECONDS` does the same for longer and prints the figures.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.history import Post, Rest
from harness.load.percentiles import nearest_rank
from tests.harness.load.arranged import Found, arranged, of_reference

HOW = """
from harness.worlds.latency import Quantiles
measurement.AS_PUBLISHED = Quantiles(((0.0, 0.2), (1.0, 0.2)))
contest.BLOCK_SECONDS = {block_seconds}
contest.rounds_of = measurement.rounds_of = lambda load: {rounds}
"""
HIGH_WATER = 500
DRAINED_PER_SECOND = 2 * 4 / 0.2
OVERLOAD = f"""
[load]
posts_per_second = {10 * DRAINED_PER_SECOND}
reads_per_second = 20
mailed = 1.0
"""
IS_SMALL = {
    'ASYNC_INGESTION = "true"': f'ASYNC_INGESTION = "true"\nHIGH_WATER = "{HIGH_WATER}"\nMAIL_CONCURRENCY = "4"',
    "longest_pause_seconds = 10": "longest_pause_seconds = 6",
}
REFUSED_FOR_NOW = (429, 503)
LIMITS_MS = {0.5: 30.0, 0.95: 50.0, 0.99: 100.0}


class Memory:
    """Resident memory of every API process of a run, in MiB, twice a second."""

    def __init__(self, place: Path) -> None:
        self._place = place  # TMPDIR of the run, by which its processes are told
        self._seen: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """While the block lasts."""
        ended = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(ended,))
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()

    def thirds(self, since_unix_s: float, until_unix_s: float) -> list[tuple[float, float]]:
        """The median of each process in the first third of that time, and in the last one."""
        found = []
        for seen in self._seen.values():
            sizes = [mib for at, mib in seen if since_unix_s <= at <= until_unix_s]
            third = len(sizes) // 3
            found.append((statistics.median(sizes[:third]), statistics.median(sizes[-third:])))
        return found

    def _watch(self, ended: threading.Event) -> None:
        pids: set[int] = set()
        while not ended.wait(0.5):
            if len(pids) < 2:
                pids = set(api_processes(self._place))
            for pid in pids:
                with contextlib.suppress(OSError, IndexError):  # it has ended
                    self._seen[pid].append((time.time(), resident_mib(pid)))


def api_processes(place: Path) -> Iterator[int]:
    """Those started with `place` as their TMPDIR."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            ours = f"TMPDIR={place}".encode() in (folder / "environ").read_bytes().split(b"\0")
            if ours and b"reference\0api\0" in (folder / "cmdline").read_bytes():
                yield int(folder.name)


def resident_mib(pid: int) -> float:
    return int(Path("/proc", str(pid), "status").read_text().split("VmRSS:")[1].split()[0]) / 1024


@dataclass(frozen=True)
class Overloaded:
    """What came of a run under overload."""

    found: Found
    warm_up_seconds: float
    seconds: float
    memory: Memory

    @property
    def posts(self) -> list[Post]:
        """Those after the warm-up."""
        return [post for post in self.found.history().of(Post) if post.begin_s >= self.warm_up_seconds]

    @property
    def took_ms(self) -> list[float]:
        """How long each accepted POST took, in order."""
        return sorted((post.end_s - post.begin_s) * 1e3 for post in self.posts if post.promises)

    @property
    def refusals(self) -> list[Post]:
        return [post for post in self.posts if post.http_status in REFUSED_FOR_NOW]

    @property
    def memory_mib(self) -> Sequence[tuple[float, float]]:
        """Of each API process, in the first third of the time after the warm-up, and in the last one."""
        with (self.found.out / "load" / "after.jsonl").open() as lines:
            began = json.loads(next(lines))["started_at"]
        return self.memory.thirds(began + self.warm_up_seconds, began + self.seconds)

    def __str__(self) -> str:
        percentiles = {f"P{share:.0%}": round(nearest_rank(self.took_ms, share), 1) for share in LIMITS_MS}
        answers = Counter(post.http_status for post in self.posts)
        rests = [(round(rest.at_s, 1), rest.quiet) for rest in self.found.history().of(Rest)]
        memory = [tuple(round(mib, 1) for mib in pair) for pair in self.memory_mib]
        counts = self.found.results["scenarios"][0]["counts"]
        promises = f"promises: {self.found.promises}"
        return f"{promises}; {answers}; accepted: {percentiles} ms; at rest: {rests}; API memory, MiB: {memory}; {counts}"


def overload(folder: Path, *, rounds: int, block_seconds: float) -> Overloaded:
    """Run it in an empty folder, in blocks of which the first is warm-up."""
    place = folder / "tmp"
    place.mkdir()
    system = of_reference(folder, OVERLOAD, changes=IS_SMALL)
    memory = Memory(place)
    with memory.watched():
        how = HOW.format(rounds=rounds, block_seconds=block_seconds)
        found = arranged(how, system, folder / "out", TMPDIR=str(place))
    assert (folder / "out" / "results.json").exists(), found
    return Overloaded(found, block_seconds, rounds * block_seconds, memory)


@pytest.mark.long
def test_ten_times_too_much_is_refused_and_what_is_accepted_is_kept(tmp_path: Path) -> None:
    seen = overload(tmp_path, rounds=2, block_seconds=6.0)
    assert seen.found.promises == "held", f"{seen}\n{seen.found}"
    assert len(seen.refusals) > 5 * len(seen.took_ms) > 0, seen
    assert len(seen.refusals) + len(seen.took_ms) == len(seen.posts), seen
    assert all(post.retry_after_s and post.retry_after_s > 0 for post in seen.refusals), seen
    for before, after in seen.memory_mib:
        assert after - before < 3, seen
    slow = [share for share, limit_ms in LIMITS_MS.items() if nearest_rank(seen.took_ms, share) > limit_ms]
    if slow:
        seen.found.require_a_quiet_machine()
    assert not slow, seen


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        print(overload(Path(made), rounds=round(float(sys.argv[1]) / 10), block_seconds=10.0))
