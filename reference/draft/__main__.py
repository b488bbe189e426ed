"""`python -m reference.draft api|worker|migrate [--as-written]`: one process of the draft. Next: `api`, `worker`."""

from __future__ import annotations

import argparse
import asyncio
import os

import redis
import uvicorn

from reference.draft import table
from reference.draft.api import build_app
from reference.draft.worker import run_worker


def main() -> None:
    """Run one process until it is killed; a missing environment variable or server ends it with a traceback, as drafts do."""
    arguments = _parser().parse_args()
    repaired = not arguments.as_written
    if arguments.process == "migrate":
        asyncio.run(table.create())
    elif arguments.process == "worker":
        asyncio.run(run_worker(_redis(), repaired=repaired))
    else:
        uvicorn.run(build_app(_redis(), repaired=repaired), host="127.0.0.1", port=arguments.port, access_log=False)


def _redis() -> redis.Redis:
    return redis.Redis.from_url(os.environ["REDIS_URL"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reference.draft", description="One process of the draft service.")
    parser.add_argument("process", choices=("api", "worker", "migrate"))
    parser.add_argument("--port", type=int, default=8000, help="where the API listens")
    parser.add_argument("--as-written", action="store_true", help="without the repairs: bytes, Authorization, mail body")
    return parser


if __name__ == "__main__":
    main()
