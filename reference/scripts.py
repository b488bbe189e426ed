"""The Lua scripts of ``scripts/``, each one atomic step on the server, run by hash with the text as the fallback.

Where to go next: ``intake`` (accept) and ``queue`` (take, finish, delay, tend, renew, retire).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from reference.connection import call

Argument = str | int


@dataclass(frozen=True)
class Script:
    """The text of one script and the hash by which the server knows it."""

    text: str
    sha: str

    @classmethod
    def of(cls, text: str) -> Script:
        """``text`` as a script."""
        return cls(text=text, sha=hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


@cache
def load(name: str) -> Script:
    """The script ``scripts/<name>.lua``."""
    return Script.of((Path(__file__).parent / "scripts" / f"{name}.lua").read_text())


async def run(redis: Redis, script: Script, *, keys: Sequence[str], args: Sequence[Argument]) -> Any:
    """Run ``script`` in one round trip (two the first time a server sees it)."""
    try:
        return await call(redis, "EVALSHA", script.sha, len(keys), *keys, *args)
    except NoScriptError:
        return await call(redis, "EVAL", script.text, len(keys), *keys, *args)
