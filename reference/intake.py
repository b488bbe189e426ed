"""The door: events that arrive together are accepted in one script call, and every outcome is named honestly.

``UnavailableError`` means certainly nothing was taken; ``UnansweredError`` means Redis was asked and did not answer in time.
Where to go next: ``scripts/accept.lua`` (the decision) and ``api`` (the answers).
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from reference import scripts, spans, versions
from reference.coalescer import Coalescer
from reference.connection import DELAYED, OPEN, PARKED, QUEUE_ERRORS, STREAM, ask, index_key, record_key
from reference.events import Event, fingerprint

# Answers of a server that did nothing, by the first word of the error, which redis-py keeps apart where it knows it.
_REFUSALS = (
    "ASK",
    "MOVED",
    "OOM",
    "READONLY",
    "LOADING",
    "MISCONF",
    "NOAUTH",
    "NOPERM",
    "NOREPLICAS",
    "CLUSTERDOWN",
    "MASTERDOWN",
    "TRYAGAIN",
    "BUSY",
)


_AT_ONCE = 100
_BYTES_AT_ONCE = 4_000_000  # so much that a call with the longest events is answered in time, too


class UnavailableError(Exception):
    """Redis was not asked, or said no before doing anything: certainly nothing was taken."""


class UnansweredError(Exception):
    """Redis was asked and did not answer: taken or not, nobody knows."""


@dataclass(frozen=True)
class Acceptance:
    """The script's answer: ``accepted``, ``duplicate``, ``conflict`` or ``full``, the current status and the backlog.

    Or ``request``: nothing was taken, for a synchronous request left its ``marker`` there; ``handover`` knows what to do.
    """

    kind: str
    status: str
    backlog: int
    marker: str = ""


_NOBODY_WAITS = Acceptance("", "", 0)  # stands where a ticket was left out of a call


@dataclass
class Ticket:
    """One request on its way, ``until`` a time of the event loop. The token tells our own retry from somebody else's duplicate.

    ``record`` is the event as its record will hold it, ``marker`` the one it may take. ``is_in_doubt``: a try of it was not
    answered, and may still be carried out. ``is_given_up``: whoever posted it was answered.
    """

    event: Event
    record: str
    fingerprint: str
    token: str
    until: float
    traceparent: str = ""
    marker: str = ""
    was_sent: bool = False
    is_in_doubt: bool = False
    is_given_up: bool = False


class Intake:
    """Accepts events into the queue."""

    def __init__(self, redis: Redis, *, random: Random, high_water: int, deadline_seconds: float, version: int = 1) -> None:
        self._pool: Any = redis.connection_pool  # untyped in redis-py
        self._tokens = map(f"{random.getrandbits(64):016x}-{{:x}}".format, itertools.count())  # ours, and each once
        self._high_water = high_water
        self._deadline_seconds = deadline_seconds
        self._version = version  # of what it writes into records
        self._calls: Coalescer[Ticket, Acceptance] = Coalescer(
            self._call, limit=_AT_ONCE, weigh=lambda ticket: len(ticket.record), most=_BYTES_AT_ONCE
        )

    async def accept(self, event: Event, *, marker: str = "") -> Acceptance:
        """Accept ``event`` before the deadline, also where this ``marker`` stands.

        Raises InvalidEventError, UnavailableError or UnansweredError.
        """
        with spans.enqueueing(event) as span:
            until = asyncio.get_running_loop().time() + self._deadline_seconds
            record, token = versions.write(event, version=self._version), next(self._tokens)
            ticket = Ticket(event, record, fingerprint(event), token, until, span.traceparent, marker)
            acceptance = await self._in_time(ticket)
            span.set("ingest.outcome", acceptance.kind)
            span.set("queue.depth", acceptance.backlog)
            return acceptance

    async def _in_time(self, ticket: Ticket) -> Acceptance:
        try:
            return await self._submit(ticket)
        except TimeoutError:
            ticket.is_given_up = True
            raise _unknown_if(ticket.was_sent or ticket.is_in_doubt) from None

    async def _submit(self, ticket: Ticket) -> Acceptance:
        try:
            return await self._calls.submit(ticket, until=ticket.until)
        except UnansweredError:
            ticket.is_in_doubt = True
        return await self._submit_again(ticket)  # the token makes one more try safe

    async def _submit_again(self, ticket: Ticket) -> Acceptance:
        try:
            acceptance = await self._calls.submit(ticket, until=ticket.until)
        except UnavailableError:
            raise UnansweredError("the first try was not answered, and this one did not arrive") from None
        if acceptance.kind in ("full", "request"):
            raise UnansweredError("the first try was not answered, and this one took nothing")
        return acceptance

    async def _call(self, tickets: list[Ticket]) -> Sequence[Acceptance]:
        # Connecting and sending are two steps here, because only the second makes an outcome doubtful.
        try:
            connection = await self._pool.get_connection()
        except QUEUE_ERRORS as error:
            raise UnavailableError(f"no connection to Redis: {error}") from error
        try:
            # Connecting may take long. Of what was given up meanwhile it was said that nothing was taken.
            due = [ticket for ticket in tickets if not ticket.is_given_up]
            answers = await self._send(due, connection) if due else []
        finally:
            await self._pool.release(connection)
        told = {ticket.token: Acceptance(*answer) for ticket, answer in zip(due, answers, strict=True)}
        return [told.get(ticket.token, _NOBODY_WAITS) for ticket in tickets]

    def _arguments(self, tickets: list[Ticket]) -> tuple[list[str], list[scripts.Argument]]:
        keys, args = [STREAM, DELAYED, PARKED, OPEN], list[scripts.Argument]([self._high_water])
        for ticket in tickets:
            pair = ticket.event.pair
            keys += [record_key(pair.key), index_key(pair.id)]
            args += [pair.key, pair.source, ticket.fingerprint, ticket.token, ticket.marker]
            args += [ticket.record, ticket.traceparent]
        return keys, args

    async def _send(self, tickets: list[Ticket], connection: Any) -> Any:
        keys, args = self._arguments(tickets)
        for ticket in tickets:
            ticket.was_sent = True
        try:
            return await _accept(connection, scripts.load("accept"), keys=keys, args=args)
        except RedisError as error:
            raise _classify(error, tickets) from error
        except (OSError, TimeoutError) as error:
            raise UnansweredError(str(error)) from error


async def _accept(connection: Any, script: scripts.Script, *, keys: list[str], args: list[scripts.Argument]) -> Any:
    try:
        return await ask(connection, "EVALSHA", script.sha, len(keys), *keys, *args)
    except NoScriptError:
        return await ask(connection, "EVAL", script.text, len(keys), *keys, *args)


def _classify(error: RedisError, tickets: list[Ticket]) -> Exception:
    code = getattr(error, "status_code", None) or str(error).partition(" ")[0]
    if code not in _REFUSALS:
        return UnansweredError(str(error))
    for ticket in tickets:
        ticket.was_sent = False
    return UnavailableError(f"Redis refused: {error}")


def _unknown_if(was_sent: bool) -> Exception:
    if was_sent:
        return UnansweredError("Redis did not answer before the deadline")
    return UnavailableError("the deadline passed before Redis could be asked")
