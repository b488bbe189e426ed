"""What a `kill -9` of the server loses of acknowledged writes, by `appendfsync`, beside heavy traffic on its disk.

    python -m tests.reference.durability --kills 15

Each time a fresh Valkey takes writes one after the other, is killed while it holds writes back (INFO: aof_buffer_length), or
after 4 s if it never does, and is started again; what it had acknowledged and no longer knows is lost. Figures:
docs/campaigns.md.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from redis import Redis as Client
from redis.exceptions import RedisError

from tests.reference.servers import KEEPING, Redis

LONGEST_SECONDS = 4.0
CHUNK_BYTES = 8 << 20
CHUNKS = 32  # then it is synced, and begun again
VALUE = "x" * 500
HELD_BACK_BYTES = 10 * len(VALUE)


def main() -> None:
    """Print, for each policy, how many kills lost something, and what the worst one lost."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--kills", type=int, default=15, help="of each policy (default 15)")
    words.add_argument("--writers", type=int, default=1, help="processes that keep the disk busy (default 1)")
    given = words.parse_args()
    for policy in ("everysec", "always"):
        found = []
        for _ in range(given.kills):
            with tempfile.TemporaryDirectory() as place, traffic_on_the_disk(Path(place), given.writers):
                found.append(killed(Path(place), policy))
        losing = [(lost, acknowledged) for lost, acknowledged in found if lost]
        worst = "at worst {:,} of {:,} acknowledged writes".format(*max(losing)) if losing else "nothing"
        total = sum(acknowledged for _, acknowledged in found)
        print(f"{policy}: {len(losing)} of {given.kills} kills lost something: {worst} ({total:,} in all)", flush=True)


def killed(place: Path, policy: str) -> tuple[int, int]:
    """How many acknowledged writes a server lost that was killed at its worst moment, and how many there were."""
    server = Redis(place, options=(*KEEPING, "--appendfsync", policy))
    server.start()
    try:
        killer = threading.Thread(target=kill_at_the_worst_moment, args=(server,))
        killer.start()
        acknowledged = written(server)
        killer.join()
        server.start()
        with Client(port=server.port) as client:
            kept = client.llen("written")
    finally:
        server.kill()
    assert isinstance(kept, int)
    return max(0, acknowledged - kept), acknowledged


def kill_at_the_worst_moment(server: Redis) -> None:
    """While it holds back more than one write that it may have acknowledged, or after a while if it never does."""
    deadline = time.monotonic() + LONGEST_SECONDS
    with Client(port=server.port) as client:
        while time.monotonic() < deadline:
            if client.info("persistence")["aof_buffer_length"] >= HELD_BACK_BYTES:
                break
            time.sleep(0.001)
    server.kill()


def written(server: Redis) -> int:
    """Write until the server is gone; how many writes it acknowledged."""
    acknowledged = 0
    with Client(port=server.port) as client, suppress(RedisError):
        while client.rpush("written", VALUE):
            acknowledged += 1
    return acknowledged


@contextmanager
def traffic_on_the_disk(place: Path, writers: int) -> Iterator[None]:
    """So many processes that write as fast as they can, and sync."""
    spawn = multiprocessing.get_context("spawn").Process
    processes = [spawn(target=write_and_sync, args=(place / f"traffic{number}",), daemon=True) for number in range(writers)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


def write_and_sync(path: Path) -> None:
    """For ever."""
    chunk = os.urandom(CHUNK_BYTES)
    with path.open("wb", buffering=0) as file:
        while True:
            file.seek(0)
            for _ in range(CHUNKS):
                file.write(chunk)
            os.fsync(file.fileno())


if __name__ == "__main__":
    main()
