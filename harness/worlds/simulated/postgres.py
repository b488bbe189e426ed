"""The simulated database: tables, atomic transactions, crashes that leave in doubt what was in flight.

It knows no SQL. A service's store sends a function that runs atomically on the tables at the server; the same store over a
real Postgres passes the same contract suite (`tests/reference/test_store.py`), which is what makes this stand-in honest.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from harness.faults import Loss
from harness.worlds.simulated.network import SimulatedNetwork, Station, spread
from harness.worlds.simulated.processes import Process
from harness.worlds.simulated.request import Request

T = TypeVar("T")
Tables = dict[str, dict[Any, dict[str, Any]]]
ONE_WAY_S = 0.00025
MEDIAN_WORK_S = 0.0005


WORDS = {
    "read-only": "cannot execute a write in a read-only transaction",
    "deadlock": "deadlock detected",
    "serialisation": "could not serialize access due to concurrent update",
    "backend-ended": "terminating connection due to administrator command",
}


@dataclass(eq=False)
class Interference:
    """What a share of the transactions meets; `touched` counts them."""

    kind: str
    share: float
    touched: int = 0

    @property
    def words(self) -> str:
        """What the server says of it."""
        return WORDS[self.kind]


class PostgresServer:
    """The server. Committed rows survive a crash; a transaction under way at that moment may or may not have committed.

    `observers` are told the tables after every commit. Every transaction takes effect at one moment (serialisable).
    """

    def __init__(self, network: SimulatedNetwork) -> None:
        self.station = Station(network, "postgres", latency_s=ONE_WAY_S)
        self.url = "postgresql://postgres.sim:5432/app"
        self.tables: Tables = {}
        self.observers: list[Callable[[Tables], None]] = []
        self.in_doubt = 0  # transactions a crash met under way
        self._network = network
        self._under_way: dict[Request, Callable[[Tables], Any]] = {}
        self._interferences: list[Interference] = []

    def session(self, process: Process) -> Session:
        """The database as one process sees it."""
        return Session(self, process)

    def begin(self, request: Request, work: Callable[[Tables], Any]) -> None:
        """A transaction has arrived; it commits after the time its work takes."""
        self._under_way[request] = work
        if self._strikes("backend-ended"):
            self._network.later(MEDIAN_WORK_S / 2, self._end_backend, request)
            return
        work_s = MEDIAN_WORK_S * spread(self._network.random)
        self._network.later(work_s, self.station.admit, self._end, request)

    def _end(self, request: Request) -> None:
        work = self._under_way.pop(request, None)
        if work is None:
            return
        try:
            result = self._commit(work)
        except Exception as error:
            request.fail(error)
        else:
            request.answer(_own(result))

    def _commit(self, work: Callable[[Tables], Any]) -> Any:
        """Run `work` on copies of the rows, which become the tables unless it raises."""
        draft = {name: {key: row.copy() for key, row in table.items()} for name, table in self.tables.items()}
        result = work(draft)
        if self._interferences:
            self._refuse_writes(draft)
        self.tables = draft
        for observe in self.observers:
            observe(draft)
        return result

    def interfere(self, kind: str, *, share: float) -> Interference:
        """From now on a share of the transactions meets this (see `WORDS`), until `leave_alone`."""
        self._interferences.append(interference := Interference(kind, share))
        return interference

    def leave_alone(self, interference: Interference) -> None:
        """An interference is over."""
        self._interferences.remove(interference)

    def _strikes(self, *kinds: str) -> Interference | None:
        for interference in self._interferences:
            if interference.kind in kinds and self._network.random.random() < interference.share:
                interference.touched += 1
                return interference
        return None

    def _refuse_writes(self, draft: Tables) -> None:
        """Raises ConnectionAbortedError, and nothing is committed, if an interference strikes a transaction that writes."""
        writes = any(rows != self.tables.get(name, {}) for name, rows in draft.items())
        if writes and (strikes := self._strikes("read-only", "deadlock", "serialisation")):
            raise ConnectionAbortedError(strikes.words)

    def _end_backend(self, request: Request) -> None:
        """The backend of a transaction under way is ended: it may have committed just before."""
        work = self._under_way.pop(request, None)
        if work is not None:
            if self._network.random.random() < 0.5:
                self._commit_unheard(request, work)
            request.break_off(ConnectionResetError(WORDS["backend-ended"]))

    def crash(self, loss: Loss = "process-crash") -> None:
        """kill -9; it is down until `start`. Every commit is synced, so no `loss` takes more."""
        under_way, self._under_way = self._under_way, {}
        self.in_doubt += len(under_way)
        for request, work in under_way.items():
            if self._network.random.random() < 0.5:
                self._commit_unheard(request, work)
        self.station.crash()

    def _commit_unheard(self, request: Request, work: Callable[[Tables], Any]) -> None:
        try:
            self._commit(work)
        except Exception as error:
            request.fail(error)

    def start(self) -> None:
        """Start again; recovery is over at once."""
        self.station.start()


def _own(result: Any) -> Any:
    """What a client gets: nothing in it changes when the server's tables do."""
    if isinstance(result, list):
        return [_own(part) for part in result]
    is_frozen = getattr(getattr(type(result), "__dataclass_params__", None), "frozen", False)
    return result if is_frozen else copy.deepcopy(result)


class Session:
    """What a simulated process gets as `host.database`."""

    def __init__(self, server: PostgresServer, process: Process) -> None:
        self._server, self._process = server, process

    async def transact(self, work: Callable[[Tables], T], *, timeout: float) -> T:
        """Run `work` atomically at the server, in one round trip of at most `timeout` seconds.

        Raises what `work` raises (rolled back), ConnectionError (server down or connection cut: committed or not; refused, or
        aborted by the server: certainly not), TimeoutError (no answer in time: committed or not).
        """
        request = Request(self._server.station, self._process, lambda arrived: self._server.begin(arrived, work))
        request.send(getattr(work, "__qualname__", "transaction").encode(), patience_s=timeout)
        return await request.answered  # type: ignore[no-any-return]
