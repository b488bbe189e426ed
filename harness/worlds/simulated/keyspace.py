"""What one simulated Redis process knows: its databases, its settings, its scripts, and which keys a command touched.

`engine.py` executes commands on it for one connection; `redis.py` is the server around both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from fakeredis import FakeServer
from fakeredis._core import Database

from harness.worlds.simulated.administration import DEFAULTS
from harness.worlds.simulated.arguments import VERSION
from harness.worlds.simulated.lua import attributes
from harness.worlds.simulated.refusal import Refusal


@dataclass
class Waiting:
    """A blocked command: `attempt` gives its answer or None, `shape` forms the reply, also of None when time is up."""

    attempt: Callable[[bool], Any]
    shape: Callable[[Any], Any] | None
    timeout_s: float

    def formed(self, answer: Any) -> Any:
        """The reply for an answer (None: nothing came)."""
        return answer if self.shape is None else self.shape(answer)


class Seat(Protocol):
    """The connection an engine serves."""

    def answer(self, value: Any) -> None: ...
    def block(self, waiting: Waiting) -> None: ...


class SimulatedDatabase(Database):
    """A database that notes which keys were touched, so that the server can serve who waits for them."""

    def __init__(self, lock: Any, touched: dict[bytes, None]) -> None:
        super().__init__(lock)
        self._touched = touched

    def notify_watch(self, key: bytes) -> None:
        self._touched[key] = None
        for sock in self._watches.get(key, ()):
            sock.notify_watch()

    def wake_all(self) -> None:
        """Nobody waits on a condition here."""


class Keyspace(FakeServer):
    """What one Redis process knows. `touched` collects the keys the current command changed."""

    def __init__(self, config: dict[str, str]) -> None:
        settings = {**DEFAULTS, **config}
        super().__init__(version=VERSION, server_type="valkey", config={k.encode(): v.encode() for k, v in settings.items()})
        self.touched: dict[bytes, None] = {}
        self.refusal: Refusal | None = None  # under which writes are refused
        self.dbs.default_factory = lambda: SimulatedDatabase(self.lock, self.touched)  # type: ignore[attr-defined]
        vars(self).update(attributes())

    def lasting_keys(self) -> int:
        """How many keys have no expiry."""
        return sum(item.expireat is None for database in self.dbs.values() for item in database._dict.values())

    def setting(self, name: str) -> str:
        """A configuration setting."""
        return self.config.get(name.encode(), b"").decode()
