"""A small disk of one server's own, which can be filled without filling the machine's: a tmpfs that only its stack can see.

Run as `python -I -S disk.py FOLDER BYTES` it mounts the disk on FOLDER and holds it until it is killed. No rights are needed
where an ordinary user may open a user namespace, as on Debian; in it he may mount. Servers are started inside
(`Command.inside`), the harness reaches the same files from outside, through /proc. `why_not` says where this cannot be done.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

PROGRAM = Path(__file__)
NAMESPACES = 0x10000000 | 0x00020000 | 0x08000000  # of users, of mounts, of shared memory: that of a killed server goes with it
STANDIN_ID = 1000  # whom root is inside, for Postgres does not run as root; anybody else stays who he is
TRIES_WITHIN_S = 10.0
BALLAST = "harness-ballast"
LEAST_BYTES = 4096  # what is handed out at once


def seen_from_outside(folder: Path, holder: int) -> Path:
    """Where the disk that a process holds on a folder is for everybody else."""
    return Path(f"/proc/{holder}/root{folder}")


@cache
def why_not() -> str:
    """Why no disk can be mounted here; empty if one can. It is tried once."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            tried = subprocess.run(
                [sys.executable, "-I", "-S", str(PROGRAM), folder, str(LEAST_BYTES), "--try"],
                capture_output=True,
                text=True,
                timeout=TRIES_WITHIN_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "mounting a small disk took too long"
    told = tried.stderr.strip().splitlines()[-1:] or ["no reason was given"]
    return "" if tried.returncode == 0 else f"no small disk can be mounted here ({told[0]}); allow user namespaces"


def fill(disk: Path) -> int:
    """Take all the room there is left; how much that was. Raises OSError if the disk cannot be reached."""
    taken, step = 0, 1 << 20
    file = os.open(disk / BALLAST, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        size = os.fstat(file).st_size
        while step >= LEAST_BYTES:
            try:
                os.posix_fallocate(file, size, step)
            except OSError:  # no room for so much
                step //= 2
            else:
                size, taken = size + step, taken + step
    finally:
        os.close(file)
    return taken


def empty(disk: Path) -> None:
    """Give back what `fill` took."""
    with suppress(OSError):  # nobody holds it any more
        (disk / BALLAST).unlink()


def main(folder: str, size: str, *options: str) -> None:
    """Mount a disk and hold it. Raises OSError, which ends the program with its words."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    _require(libc.unshare(NAMESPACES), "unshare")
    with suppress(OSError):
        Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user or STANDIN_ID} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group or STANDIN_ID} {group} 1")
    _require(libc.mount(b"disk", folder.encode(), b"tmpfs", 0, f"size={size},mode=700".encode()), "mount")
    while not options:
        signal.pause()


def _require(result: int, call: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
