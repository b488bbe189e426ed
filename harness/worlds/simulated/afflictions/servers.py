"""What happens to the simulated Redis and Postgres themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harness import faults
from harness.worlds.simulated.afflictions.case import Case
from harness.worlds.simulated.network import Condition

ENDED_SHARE = 0.3  # of the transactions whose backend is ended: one every half second, were they as rare as for real
EVICTS_EVERY_S, EVICTED_AT_ONCE = 0.2, 6


@asynccontextmanager
async def server_down(case: Case, fault: faults.RedisCrashes | faults.PostgresCrashes) -> AsyncIterator[None]:
    """RedisCrashes, PostgresCrashes."""
    server = case.servers.redis if fault.needs == "redis" else case.servers.postgres
    station, wound = server.station, case.wound
    if not station.up:  # whoever killed it starts it again
        yield
        return
    broken, turned_away = station.broken, station.turned_away
    wound.processes = (station.name,)
    server.crash(fault.loss if isinstance(fault, faults.RedisCrashes) else "process-crash")
    try:
        yield
    finally:
        server.start()
        cut, refused = station.broken - broken, station.turned_away - turned_away
        if cut or refused:
            wound.evidence = f"{station.name} was killed and started again: {cut} connections cut, {refused} refused"


@asynccontextmanager
async def redis_loading(case: Case, fault: faults.RedisLoads) -> AsyncIterator[None]:
    """RedisLoads: it takes connections at once, and refuses until it has read its file."""
    redis = case.servers.redis
    if not redis.station.up:  # whoever killed it starts it again
        yield
        return
    case.wound.processes = ("redis",)
    redis.crash("process-crash")
    redis.start()
    refusal = redis.refuse("loading")
    try:
        yield
    finally:
        redis.take(refusal)
        if refusal.refused:
            case.wound.evidence = f"redis was killed, started again and refused {refusal.refused} commands: {refusal.words}"


@asynccontextmanager
async def redis_evicting(case: Case, fault: faults.RedisEvicts) -> AsyncIterator[None]:
    """RedisEvicts: now and then some keys go, as many as somebody else's data would need."""
    evicted = 0

    async def make_room() -> None:
        nonlocal evicted
        while True:
            await asyncio.sleep(EVICTS_EVERY_S)
            evicted += case.servers.redis.evict(fault.policy, most=EVICTED_AT_ONCE)

    case.wound.processes = ("redis",)
    making = asyncio.create_task(make_room())
    try:
        yield
    finally:
        making.cancel()
        if evicted:
            case.wound.evidence = f"redis evicted {evicted} keys"


@asynccontextmanager
async def server_frozen(case: Case, fault: faults.RedisFreezes | faults.PostgresFreezes) -> AsyncIterator[None]:
    """RedisFreezes, PostgresFreezes."""
    station = case.servers.redis.station if fault.needs == "redis" else case.servers.postgres.station
    if not station.up or station.frozen:  # whoever took it down or stopped it brings it back
        yield
        return
    case.wound.processes, began_s = (station.name,), case.now()
    station.freeze()
    try:
        yield
    finally:
        if station.frozen and (kept_waiting := station.thaw()):
            stood_s = case.now() - began_s
            case.wound.evidence = f"{station.name} stood still for {stood_s:.1f} s and kept {kept_waiting} requests waiting"


@asynccontextmanager
async def redis_refusing_writes(case: Case, fault: faults.RedisRefusesWrites) -> AsyncIterator[None]:
    """RedisRefusesWrites."""
    redis = case.servers.redis
    case.wound.processes = ("redis",)
    refusal = redis.refuse(fault.why)
    try:
        yield
    finally:
        redis.take(refusal)
        if refusal.refused:
            case.wound.evidence = f"{refusal.refused} writes were refused: {refusal.words}"


@asynccontextmanager
async def postgres_refusing_writes(
    case: Case, fault: faults.PostgresIsReadOnly | faults.PostgresAborts | faults.PostgresEndsBackends
) -> AsyncIterator[None]:
    """PostgresIsReadOnly, PostgresAborts, PostgresEndsBackends."""
    postgres = case.servers.postgres
    case.wound.processes = ("postgres",)
    match fault:
        case faults.PostgresIsReadOnly():
            interference = postgres.interfere("read-only", share=1.0)
        case faults.PostgresAborts(share=share, why=why):
            interference = postgres.interfere(why, share=share)
        case faults.PostgresEndsBackends():
            interference = postgres.interfere("backend-ended", share=ENDED_SHARE)
    try:
        yield
    finally:
        postgres.leave_alone(interference)
        if interference.touched:
            case.wound.evidence = f"{interference.touched} transactions met this: {interference.words}"


@asynccontextmanager
async def postgres_turning_away(
    case: Case, fault: faults.PostgresRunsOutOfConnections | faults.PostgresRefusesLogins
) -> AsyncIterator[None]:
    """PostgresRunsOutOfConnections, PostgresRefusesLogins."""
    station, condition = case.servers.postgres.station, Condition("refuse")
    station.suffer(condition)
    case.wound.processes = ("postgres",)
    try:
        yield
    finally:
        station.heal(condition)
        if condition.touched:
            why = (
                "there was no connection left"
                if isinstance(fault, faults.PostgresRunsOutOfConnections)
                else "a login was refused"
            )
            case.wound.evidence = f"{condition.touched} times {why}"
