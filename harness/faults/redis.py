"""Faults of Redis, and of the way to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from harness.faults.settings import LinkFailure, Role

Loss = Literal["process-crash", "power-loss", "empty"]


@dataclass(frozen=True, slots=True)
class RedisCrashes:
    """Redis is killed (kill -9), and started again when the fault ends; `loss` is what it forgets."""

    needs: ClassVar[str] = "redis"
    loss: Loss = "process-crash"


@dataclass(frozen=True, slots=True)
class RedisLoads:
    """Redis is killed and started again at once, and answers LOADING until the fault ends: it has a long file to read."""

    needs: ClassVar[str] = "redis"


@dataclass(frozen=True, slots=True)
class RedisFreezes:
    """Redis stops (SIGSTOP): connections open, nothing is answered; when the fault ends it does all it was asked meanwhile."""

    needs: ClassVar[str] = "redis"


@dataclass(frozen=True, slots=True)
class RedisRefusesWrites:
    """Redis answers reads and refuses writes: its memory is full (noeviction), or it has become a read-only replica."""

    needs: ClassVar[str] = "redis"
    why: Literal["out-of-memory", "read-only"] = "out-of-memory"


@dataclass(frozen=True, slots=True)
class RedisEvicts:
    """Redis runs out of memory under a policy that makes room: keys vanish and nobody is told ("volatile": those that expire)."""

    needs: ClassVar[str] = "redis"
    policy: Literal["allkeys-random", "volatile-random"] = "allkeys-random"


@dataclass(frozen=True, slots=True)
class RedisDiskFills:
    """The append-only file of Redis cannot grow: it refuses writes, or, where every write is synced, it dies and dies again."""

    needs: ClassVar[str] = "redis"


@dataclass(frozen=True, slots=True)
class RedisLosesReplies:
    """Redis executes commands of one role's processes, but its replies are lost and the connections break."""

    needs: ClassVar[str] = "redis"
    role: Literal["api", "worker"] = "api"


@dataclass(frozen=True, slots=True)
class RedisLinkFails:
    """The way to Redis fails for the processes of a role, or for all: `how` says what becomes of their connections."""

    needs: ClassVar[str] = "redis"
    how: LinkFailure = "blackholes"
    role: Role = "every"
