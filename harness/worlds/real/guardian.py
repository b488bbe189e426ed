"""The guardian of one stack: parent of all its processes, and the one who cleans up when the harness is gone.

Started as `python -I -S guardian.py STACK_DIR` in a session of its own, standard library only, so it is up in
milliseconds. It reads JSON lines (`spawn`, `signal`, `quit`) from stdin and writes what happened to stdout. When stdin
closes (the harness ended, even by kill -9) or on `quit` it kills every descendant, removes the stack's directory and
exits. A process means its whole tree here: Postgres puts every backend in a session of its own, so a process group does
not name them. The harness' side of the conversation is `processes.py`.
"""

from __future__ import annotations

import ctypes
import json
import os
import pwd
import select
import signal
import sys
import time
from contextlib import suppress
from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
CLONE_NEWUSER = 0x10000000
NAMESPACES = ("user", "mnt", "ipc")  # of who holds a disk (disk.py), in the order in which they are entered
IPC_RMID = 0
ORPHAN_CHECK_S = 1.0
KILL_DEADLINE_S = 5.0
STANDIN_ID = 1000  # the user that root turns into inside a user namespace
libc = ctypes.CDLL(None, use_errno=True)


# --- the process tree, from /proc


def _family(pid: int) -> tuple[int, int] | None:
    """Parent and process group of a live process; None for one that is gone or a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else (int(fields[1]), int(fields[2]))


def descendants(root: int) -> list[int]:
    """Live processes below `root`, and those in its process group, `root` itself left out."""
    families = {int(name): _family(int(name)) for name in os.listdir("/proc") if name.isdecimal()}
    found: list[int] = []
    frontier = {root}
    while frontier:
        frontier = {
            pid
            for pid, family in families.items()
            if family and pid not in (root, *found) and (family[0] in frontier or family[1] == root)
        }
        found.extend(sorted(frontier))
    return found


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def signal_tree(root: int, number: int, *, seen: set[int]) -> None:
    """Send to `root` and everything below it; `seen` collects whom. Stops all first, so that nobody forks away."""
    fresh = {root} if _family(root) else set()
    while fresh:
        for pid in fresh:
            _signal(pid, signal.SIGSTOP)
        seen |= fresh
        fresh = set(descendants(root)) - seen
    if number != signal.SIGSTOP:
        for pid in sorted(seen):
            _signal(pid, number)


# --- starting a process


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _become_mapped() -> None:
    """Root becomes an ordinary user to the program, in a user namespace; files keep their owner outside."""
    user, group = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare of a user namespace")
    with suppress(OSError):
        _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{STANDIN_ID} {user} 1")
    _write("/proc/self/gid_map", f"{STANDIN_ID} {group} 1")


def _become_nobody() -> None:
    entry = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def _go_inside(holder: int) -> None:
    """Share the disk that a process holds, as the user it is there."""
    files = [os.open(f"/proc/{holder}/ns/{name}", os.O_RDONLY) for name in NAMESPACES]  # afterwards they are out of reach
    for file in files:
        if libc.setns(file, 0) != 0:
            raise OSError(ctypes.get_errno(), "setns to the holder of a disk")
        os.close(file)


def _exec(request: dict[str, Any]) -> None:
    """Turn this forked child into the program."""
    os.setsid()
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    if request["inside"]:
        _go_inside(request["inside"])
    else:
        {"self": lambda: None, "mapped": _become_mapped, "nobody": _become_nobody}[request["identity"]]()
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # after the change of identity, which clears it
    if os.getppid() == 1:
        os._exit(127)
    os.chdir(request["cwd"])
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    os.execvpe(request["argv"][0], request["argv"], request["env"])


def spawn(request: dict[str, Any]) -> int:
    """Start a program; its pid. Raises OSError when the program cannot be executed."""
    reader, writer = os.pipe()  # both close on exec: silence means success
    pid = os.fork()
    if pid == 0:
        try:
            _exec(request)
        except BaseException as error:
            number = getattr(error, "errno", None) or 0
            os.write(writer, json.dumps([number, str(error)]).encode())
        os._exit(127)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        complaint = pipe.read()
    if complaint:
        os.waitpid(pid, 0)
        raise OSError(*json.loads(complaint))
    return pid


# --- the guardian


class Guardian:
    """Answers requests, reports exits, and at the end leaves nothing."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.harness = os.getppid()
        self.alive: dict[int, str] = {}
        self.buffer = b""
        self.ended = False

    def say(self, **fact: Any) -> None:
        with suppress(OSError):
            os.write(1, json.dumps(fact).encode() + b"\n")

    def serve(self, wakeup: int) -> None:
        """Until told to quit or the harness is gone."""
        while not self.ended:
            readable, _, _ = select.select([0, wakeup], [], [], ORPHAN_CHECK_S)
            if wakeup in readable:
                os.read(wakeup, 4096)
            if 0 in readable:
                self.hear()
            self.reap()
            if os.getppid() != self.harness:  # stdin can stay open in a fork of the harness
                self.ended = True

    def hear(self) -> None:
        heard = os.read(0, 65536)
        *lines, self.buffer = (self.buffer + heard).split(b"\n")
        if not heard:
            self.ended = True
        for line in lines:
            self.answer(json.loads(line))

    def answer(self, request: dict[str, Any]) -> None:
        if request["do"] == "quit":
            self.ended = True
            return
        try:
            fact = self.spawned(request) if request["do"] == "spawn" else self.signalled(request)
        except OSError as error:
            fact = {"errno": error.errno, "error": error.strerror or str(error)}
        self.say(answers=request["number"], **fact)

    def spawned(self, request: dict[str, Any]) -> dict[str, Any]:
        pid = spawn(request)
        self.alive[pid] = request["name"]
        return {"pid": pid}

    def signalled(self, request: dict[str, Any]) -> dict[str, Any]:
        pid, number = request["pid"], request["signal"]
        if pid not in self.alive:
            return {"reached": 0}
        if number == signal.SIGTERM:  # as a container runtime does: the main process only
            _signal(pid, number)
            return {"reached": 1}
        seen: set[int] = set()
        signal_tree(pid, number, seen=seen)
        if number == signal.SIGKILL:
            self.await_death(pid, seen)
        return {"reached": len(seen)}

    def await_death(self, root: int, pids: set[int]) -> None:
        """Until all are dead and the exit of `root` is reported: it shows as a zombie while threads of it still end."""
        deadline = time.monotonic() + KILL_DEADLINE_S
        while (root in self.alive or any(_family(pid) for pid in pids)) and time.monotonic() < deadline:
            self.reap()
            time.sleep(0.001)
        self.reap()

    def reap(self) -> None:
        """Report every child that ended; orphans of the stack come here too and end in silence."""
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if name := self.alive.pop(pid, None):
                    self.say(exited=name, pid=pid, status=os.waitstatus_to_exitcode(status))

    def leave_nothing(self) -> None:
        """Kill what is left, free Postgres' shared memory, remove the directory."""
        deadline = time.monotonic() + KILL_DEADLINE_S
        while (family := descendants(os.getpid())) and time.monotonic() < deadline:
            for pid in family:
                _signal(pid, signal.SIGKILL)
            self.reap()
            time.sleep(0.001)
        self.reap()
        free_shared_memory(self.directory)
        import shutil  # late: it costs more than all of the above to import

        shutil.rmtree(self.directory, ignore_errors=True)


def free_shared_memory(directory: str) -> None:
    """A killed Postgres leaves its System V segment behind; line 7 of postmaster.pid names it (key, then id)."""
    for entry in os.scandir(directory) if os.path.isdir(directory) else ():
        with suppress(OSError, IndexError, ValueError), open(f"{entry.path}/postmaster.pid") as file:
            libc.shmctl(int(file.read().splitlines()[6].split()[1]), IPC_RMID, None)


def main(directory: str) -> None:
    """Guard a stack whose files live in `directory`, until the harness is gone or says so."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    guardian = Guardian(directory)

    def end(*_: object) -> None:
        guardian.ended = True

    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, end)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    os.mkdir(directory, 0o700)  # here and not in the harness, so that whoever makes it is who removes it
    try:
        guardian.say(guards=directory)
        guardian.serve(reader)
    finally:
        guardian.leave_nothing()


if __name__ == "__main__":
    main(sys.argv[1])
