"""Faults of Postgres, and of the way to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from harness.faults.settings import LinkFailure, Role, require


@dataclass(frozen=True, slots=True)
class PostgresCrashes:
    """Postgres is killed (kill -9), and started again when the fault ends."""

    needs: ClassVar[str] = "postgres"


@dataclass(frozen=True, slots=True)
class PostgresFreezes:
    """Postgres and its backends stop (SIGSTOP), and go on where they were (SIGCONT) when the fault ends."""

    needs: ClassVar[str] = "postgres"


@dataclass(frozen=True, slots=True)
class PostgresLosesReplies:
    """Postgres does what processes of one role ask, but its replies are lost and the connections break."""

    needs: ClassVar[str] = "postgres"
    role: Role = "every"


@dataclass(frozen=True, slots=True)
class PostgresLinkFails:
    """The way to Postgres fails for the processes of a role, or for all: `how` says what becomes of their connections."""

    needs: ClassVar[str] = "postgres"
    how: LinkFailure = "blackholes"
    role: Role = "every"


@dataclass(frozen=True, slots=True)
class PostgresIsReadOnly:
    """Postgres answers reads and refuses writes, as a standby does after a failover the clients did not follow."""

    needs: ClassVar[str] = "postgres"


@dataclass(frozen=True, slots=True)
class PostgresDiskFills:
    """The disk of Postgres is full: there is no room for more rows, or for more of its log, at which it stops itself."""

    needs: ClassVar[str] = "postgres"
    what: Literal["rows", "log"] = "rows"


@dataclass(frozen=True, slots=True)
class PostgresEndsBackends:
    """Postgres ends the connections of the service, one every half second, in the middle of whatever they do."""

    needs: ClassVar[str] = "postgres"


@dataclass(frozen=True, slots=True)
class PostgresAborts:
    """Postgres aborts a share of the transactions that write: a deadlock, or a serialisation failure; nothing is stored."""

    needs: ClassVar[str] = "postgres"
    why: Literal["deadlock", "serialisation"] = "serialisation"
    share: float = 0.5

    def __post_init__(self) -> None:
        require(0 <= self.share <= 1, f"share is {self.share:g}, expected 0 to 1")


@dataclass(frozen=True, slots=True)
class PostgresRunsOutOfConnections:
    """Postgres ends the service's connections and has no room for new ones: somebody else holds them all."""

    needs: ClassVar[str] = "postgres"


@dataclass(frozen=True, slots=True)
class PostgresRefusesLogins:
    """Postgres ends the service's connections and lets nobody log in any more, as after a password was changed by mistake."""

    needs: ClassVar[str] = "postgres"
