"""The command line: ``python -m reference api|worker|migrate``, and what operators run: ``flag``, ``drain``, ``dead-letters``.

Where to go next: ``settings`` (what the environment says), ``wiring`` (how the parts come together), ``commands`` (operators').
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import socket
import sys
from random import SystemRandom

import httpx

from reference import commands, drain, flag_commands, letter_commands, wiring
from reference.connection import QUEUE_ERRORS
from reference.postgres import PostgresStore
from reference.settings import BadSettingsError, Settings, read_settings
from reference.store import StoreUnavailableError

_MIGRATION_TRIES = 20
_MIGRATION_PAUSE_SECONDS = 0.5


def main(argv: list[str] | None = None) -> int:
    """Run one process; answers its exit code: 0 after an orderly end, 1 after a failure, 2 for bad usage or settings."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every call
    try:
        settings = read_settings()
    except BadSettingsError as error:
        print(error, file=sys.stderr)
        return 2
    if commands.is_one(arguments):
        return asyncio.run(commands.run(arguments, settings))
    if arguments.process == "api":
        return _serve(settings, host=arguments.host, port=arguments.port)
    return asyncio.run(_work(settings) if arguments.process == "worker" else _migrate(settings))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reference", description="The event ingestion service.")
    processes = parser.add_subparsers(dest="process", required=True)
    api = processes.add_parser("api", help="answer HTTP requests")
    api.add_argument("--host", default="127.0.0.1")
    api.add_argument("--port", type=int, default=8000)
    processes.add_parser("worker", help="store rows and send mails")
    processes.add_parser("migrate", help="create the tables")
    for command in (flag_commands, drain, letter_commands):
        command.add_to(processes)
    return parser


def _surroundings(settings: Settings) -> wiring.Surroundings:
    store = PostgresStore(settings.database_url.get_secret_value())
    limits = httpx.Limits(max_connections=settings.mail_concurrency, max_keepalive_connections=settings.mail_concurrency)
    transport = httpx.AsyncHTTPTransport(limits=limits, trust_env=False)
    return wiring.Surroundings(socket.gethostname(), settings, SystemRandom(), store, transport)


def _serve(settings: Settings, *, host: str, port: int) -> int:
    # uvicorn repeats the signal that ended it once it is done; an orderly end is not a death by signal.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    grace_seconds = int(max(settings.sync_deadline_seconds, settings.accept_deadline_seconds)) + 2
    asyncio.run(_serve_until_signalled(settings, host=host, port=port, grace_seconds=grace_seconds))
    return 0


async def _serve_until_signalled(settings: Settings, *, host: str, port: int, grace_seconds: int) -> None:
    # Only the API needs a web framework; a worker that does not load it starts in half the time.
    import uvicorn

    from reference.api import create_app
    from reference.server import PoliteServer

    given = _surroundings(settings)
    async with given.transport:
        app = create_app(wiring.api(given))
        config = uvicorn.Config(
            app, host=host, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=grace_seconds
        )
        await PoliteServer(config).serve()


async def _work(settings: Settings) -> int:
    if not settings.redis_url:
        print("Bad settings: REDIS_URL is not set; the worker needs the queue's URL.", file=sys.stderr)
        return 2
    terminated = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, terminated.set)
    given = _surroundings(settings)
    worker, redis = wiring.worker(given)
    async with given.transport:
        await worker.run(terminated)
    with contextlib.suppress(*QUEUE_ERRORS):
        await redis.aclose()
    await given.store.close()
    return 0


async def _migrate(settings: Settings) -> int:
    store = PostgresStore(settings.database_url.get_secret_value())
    for tries_left in reversed(range(_MIGRATION_TRIES)):
        try:
            await store.migrate()
            break
        except StoreUnavailableError as error:
            if tries_left == 0:
                print(f"The tables could not be created: {error}. Check DATABASE_URL and the server.", file=sys.stderr)
                return 1
            await asyncio.sleep(_MIGRATION_PAUSE_SECONDS)
    await store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
