"""The command line: ``python -m reference api|worker|supervise|migrate``; operators run ``flag``, ``drain``, ``dead-letters``.

Where to go next: ``settings`` (what the environment says), ``wiring`` (how the parts come together), ``commands`` (operators').
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
from random import SystemRandom

import httpx
from prometheus_client import ProcessCollector

from reference import commands, drain, flag_commands, letter_commands, logs, pace, supervisor, wiring
from reference.connection import QUEUE_ERRORS
from reference.postgres import PostgresStore
from reference.settings import BadSettingsError, Settings, read_settings
from reference.store import StoreUnavailableError
from reference.telemetry import Tracing, tracing

_MIGRATION_TRIES = 20
_MIGRATION_PAUSE_SECONDS = 0.5


def main(argv: list[str] | None = None) -> int:
    """Run one process; answers its exit code: 0 after an orderly end, 1 after a failure, 2 for bad usage or settings."""
    arguments = _parser().parse_args(argv)
    logs.begin()
    try:
        settings = read_settings()
        is_traced = arguments.process in ("api", "worker")  # a command must work whatever is set for tracing
        traced = tracing(os.environ, role=arguments.process) if is_traced else None
    except BadSettingsError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        return _run(arguments, settings, traced)
    finally:
        if traced is not None:
            traced.close()


def _run(arguments: argparse.Namespace, settings: Settings, traced: Tracing | None) -> int:
    if commands.is_one(arguments):
        return asyncio.run(commands.run(arguments, settings))
    if arguments.process == "migrate":
        return asyncio.run(_migrate(settings))
    if arguments.process == "supervise":
        return asyncio.run(supervisor.main(settings, arguments))
    given = _surroundings(settings, traced)
    if arguments.process == "api":
        return _serve(given, host=arguments.host, port=arguments.port)
    return pace.run(_work(given, host=arguments.host, port=arguments.port))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reference", description="The event ingestion service.")
    processes = parser.add_subparsers(dest="process", required=True)
    api = processes.add_parser("api", help="answer HTTP requests")
    api.add_argument("--host", default="127.0.0.1")
    api.add_argument("--port", type=int, default=8000)
    worker = processes.add_parser("worker", help="store rows and send mails")
    worker.add_argument("--host", default="127.0.0.1")
    worker.add_argument("--port", type=int, help="serve /metrics, /healthz and /readyz there (default: nowhere)")
    supervisor.add_options(processes.add_parser("supervise", help="keep as many workers as the backlog needs"))
    processes.add_parser("migrate", help="create the tables")
    for command in (flag_commands, drain, letter_commands):
        command.add_to(processes)
    return parser


def _surroundings(settings: Settings, traced: Tracing | None) -> wiring.Surroundings:
    store = PostgresStore(settings.database_url.get_secret_value())
    limits = httpx.Limits(max_connections=settings.mail_concurrency, max_keepalive_connections=settings.mail_concurrency)
    transport = httpx.AsyncHTTPTransport(limits=limits, trust_env=False)
    return wiring.Surroundings(socket.gethostname(), settings, SystemRandom(), store, transport, traced)


def _serve(given: wiring.Surroundings, *, host: str, port: int) -> int:
    # uvicorn repeats the signal that ended it once it is done; an orderly end is not a death by signal.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    pace.run(_serve_until_signalled(given, host=host, port=port))
    return 0


async def _serve_until_signalled(given: wiring.Surroundings, *, host: str, port: int) -> None:
    # Only the API needs a web framework; a worker that does not load it starts in half the time.
    import uvicorn

    from reference.api import create_app
    from reference.server import PoliteServer, grace_seconds

    async with given.transport:
        parts = wiring.api(given)
        ProcessCollector(registry=parts.metrics.registry)
        config = uvicorn.Config(
            create_app(parts),
            host=host,
            port=port,
            log_config=None,  # its lines look like ours
            log_level="warning",
            access_log=False,
            proxy_headers=False,  # who asked, and by which scheme, is told nobody
            timeout_graceful_shutdown=grace_seconds(given.settings),
        )
        pace.settle()
        await PoliteServer(config).serve()


async def _work(given: wiring.Surroundings, *, host: str, port: int | None) -> int:
    if not given.settings.redis_url:
        print("Bad settings: REDIS_URL is not set; the worker needs the queue's URL.", file=sys.stderr)
        return 2
    terminated = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, terminated.set)
    parts = wiring.worker(given)
    try:
        port_open = contextlib.nullcontext() if port is None else _listening(parts, host=host, port=port)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        print(f"Port {port} of {host} cannot be listened on: {why}. Give another --port.", file=sys.stderr)
        return 2
    pace.settle()
    async with given.transport, port_open:
        await parts.worker.run(terminated)
    with contextlib.suppress(*QUEUE_ERRORS):
        await parts.redis.aclose()
    await given.store.close()
    return 0


def _listening(parts: wiring.WorkerParts, *, host: str, port: int) -> contextlib.AbstractAsyncContextManager[None]:
    from reference.listener import Pages, bound, listening  # a worker that nobody asks does not load a server

    ProcessCollector(registry=parts.exposition.registry)
    return listening(Pages(parts.exposition, redis=parts.redis, store=parts.store), on=bound(host, port))


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
