"""The exercise of docs/on-call.md: a real service with a backlog that is stuck, for somebody (or a test) who finds out why.

`python -m tests.reference.exercise [FOLDER]` starts it, leaves settings, logs and the worker's pid in the folder, and ends all at
Ctrl-C. A worker that ends is started again with the settings as they are then, as systemd would.
Where to go next: `test_on_call.py` does the exercise.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import httpx

from tests.reference.processes import configure, post_all
from tests.reference.servers import Postgres, Redis, SendGrid, Service, free_port

EVENTS, AT_ONCE = 1_100, 50  # more than A7IngestQueueBackup allows
OLD_KEY, NEW_KEY = "SG.old", "SG.new"  # the provider knows only the new one
PATIENT = {"MAIL_TIMEOUT_SECONDS": "4", "RECLAIM_SECONDS": "15"}  # a busy machine is not what is to be found
SETTINGS, PID = "environment", "worker.pid"


@asynccontextmanager
async def stuck_backlog(folder: Path) -> AsyncIterator[None]:
    """A service in which nothing moves any more, its files in `folder`."""
    async with AsyncExitStack() as exits:
        redis, postgres = Redis(_made(folder / "redis")), Postgres(folder / "postgres")
        for server in (redis, postgres):
            server.start()
            exits.callback(server.kill)
        sendgrid = SendGrid(key=NEW_KEY)
        await sendgrid.start()
        exits.push_async_callback(sendgrid.stop)
        service = Service(env={}, logs=folder)
        exits.callback(service.kill_all)
        configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
        service.env |= {"SENDGRID_API_KEY": OLD_KEY, "BREAKER_RESET_SECONDS": "2"} | PATIENT
        assert service.run("migrate").wait() == 0
        url, worker_port = service.api(), free_port()
        _write(folder / SETTINGS, service.env | {"API": url, "WORKER": f"http://127.0.0.1:{worker_port}"})
        keeping = asyncio.create_task(_keep_a_worker(service, folder, port=worker_port))
        exits.push_async_callback(_ended, keeping)
        await _accepted(url)
        yield


async def _accepted(url: str) -> None:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        for first in range(0, EVENTS, AT_ONCE):
            answers = await post_all(client, url, [f"e{number:04}" for number in range(first, first + AT_ONCE)])
            assert {answer.status_code for answer in answers} == {202}


async def _keep_a_worker(service: Service, folder: Path, *, port: int) -> None:
    while True:
        service.env |= dict(pair.split("=", 1) for pair in shlex.split((folder / SETTINGS).read_text()))
        process = service.worker(port=port)
        (folder / PID).write_text(f"{process.pid}\n")
        await asyncio.to_thread(process.wait)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _write(file: Path, settings: dict[str, str]) -> None:
    """What a shell reads with `set -a; . ./environment`; `python` is the one that runs this."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    file.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in (settings | {"PATH": path}).items()))


async def _until_interrupted(folder: Path) -> None:
    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    async with stuck_backlog(folder):
        print(f"A backlog is stuck. In another terminal: cd {folder}; set -a; . ./{SETTINGS}; set +a")
        print("What to do there: docs/on-call.md. Ctrl-C here ends everything.", flush=True)
        await over.wait()


def main(words: Iterable[str]) -> int:
    """Run the exercise until Ctrl-C; answers the exit code."""
    folder = Path(next(iter(words), "on-call"))
    if folder.exists():
        print(f"{folder} is there already: remove it, or name another folder.", file=sys.stderr)
        return 2
    asyncio.run(_until_interrupted(_made(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
