"""What happens to the simulated Redis and Postgres themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from harness import faults
from harness.worlds.simulated.afflictions.case import Case, Wound
from harness.worlds.simulated.network import Condition, Station

ENDED_SHARE = 0.3  # of the transactions whose backend is ended: one every half second, were they as rare as for real


@asynccontextmanager
async def redis_down(case: Case, fault: faults.RedisCrashes) -> AsyncIterator[None]:
    """RedisCrashes."""
    redis = case.servers.redis
    if not redis.station.up:  # whoever killed it starts it again
        yield
        return
    tell = _outage(redis.station, case.wound)
    redis.crash(fault.loss)
    try:
        yield
    finally:
        redis.start()
        tell()


@asynccontextmanager
async def postgres_down(case: Case, fault: faults.PostgresCrashes) -> AsyncIterator[None]:
    """PostgresCrashes."""
    postgres = case.servers.postgres
    if not postgres.station.up:  # whoever killed it starts it again
        yield
        return
    tell = _outage(postgres.station, case.wound)
    postgres.crash()
    try:
        yield
    finally:
        postgres.start()
        tell()


def _outage(station: Station, wound: Wound) -> Callable[[], None]:
    """Remember the counters before an outage; the result writes the evidence after it."""
    broken, turned_away = station.broken, station.turned_away
    wound.processes = (station.name,)

    def tell() -> None:
        cut, refused = station.broken - broken, station.turned_away - turned_away
        if cut or refused:
            wound.evidence = f"{station.name} was killed and started again: {cut} connections cut, {refused} refused"

    return tell


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
    refusal = redis.refuse_writes(fault.why)
    try:
        yield
    finally:
        redis.take_writes(refusal)
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
async def postgres_full_up(case: Case, fault: faults.PostgresRunsOutOfConnections) -> AsyncIterator[None]:
    """PostgresRunsOutOfConnections."""
    station, condition = case.servers.postgres.station, Condition("refuse")
    station.suffer(condition)
    case.wound.processes = ("postgres",)
    try:
        yield
    finally:
        station.heal(condition)
        if condition.touched:
            case.wound.evidence = f"{condition.touched} times there was no connection left"
