"""What each fault does to the simulated world, how it is healed, and the evidence that it bit.

`AFFLICTIONS` maps a fault's class to an async context manager; the smallest one to copy is `nothing`. A fault without
evidence proved nothing and its seed is drawn again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from harness import faults
from harness.worlds.flips import evidence_of
from harness.worlds.provider import Answers, Behaviour, LosesReplies, RateLimits
from harness.worlds.simulated.fleet import Fleet, Servers
from harness.worlds.simulated.network import Condition, Station
from harness.worlds.world import Occasion

STARTS_WITHIN_S = (0.5, 1.5)  # how long a real process takes until it is ready
REPLIES_LOST_SHARE = 0.5  # all of them would leave nothing but handshakes after the first


@dataclass
class Wound:
    """What a fault did: whom it hurt, and the evidence, None as long as there is none."""

    processes: tuple[str, ...] = ()
    evidence: str | None = None
    keeps: str | None = None  # the process it stops for as long as it lasts


@dataclass(frozen=True)
class Case:
    """One fault about to happen: to what, on which occasion, and what becomes of it."""

    fleet: Fleet
    servers: Servers
    random: Random  # who is hurt where nobody is named
    now: Callable[[], float]
    occasion: Occasion
    wound: Wound = field(default_factory=Wound)


@asynccontextmanager
async def nothing(case: Case, fault: faults.NoFault) -> AsyncIterator[None]:
    """NoFault."""
    case.wound.evidence = "it was reached"
    yield


@asynccontextmanager
async def behaving(case: Case, behaviour: Behaviour, *, told: str) -> AsyncIterator[None]:
    """SendGrid behaves in some way."""
    provider = case.servers.sendgrid.provider
    provider.behaviours.append(behaviour)
    case.wound.processes = ("sendgrid",)
    try:
        yield
    finally:
        provider.behaviours.remove(behaviour)
        if calls := provider.touched(behaviour):
            case.wound.evidence = f"{calls} calls {told}"


def answering(case: Case, fault: faults.SendGridAnswers) -> Any:
    """SendGridAnswers."""
    return behaving(case, Answers(fault.status), told=f"were answered {fault.status}")


def rate_limiting(case: Case, fault: faults.SendGridRateLimits) -> Any:
    """SendGridRateLimits."""
    return behaving(case, RateLimits(fault.mails, fault.window_seconds), told="were answered 429")


def losing_replies(case: Case, fault: faults.SendGridLosesReplies) -> Any:
    """SendGridLosesReplies."""
    return behaving(case, LosesReplies(fault.share), told="were taken and their replies lost")


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
async def redis_mute(case: Case, fault: faults.RedisLosesReplies) -> AsyncIterator[None]:
    """RedisLosesReplies."""
    station = case.servers.redis.station
    condition = Condition("lose-reply", roles=frozenset({fault.role}), share=REPLIES_LOST_SHARE)
    station.conditions.append(condition)
    case.wound.processes = ("redis",)
    try:
        yield
    finally:
        station.heal(condition)
        if condition.touched:
            case.wound.evidence = f"{condition.touched} commands of {fault.role} processes were executed and their replies lost"


@asynccontextmanager
async def worker_dead(case: Case, fault: faults.WorkerCrashes) -> AsyncIterator[None]:
    """WorkerCrashes."""
    name = _victim(case)
    process = case.fleet.members[name].process
    if not case.fleet.kill(name):  # whoever killed it starts it again
        yield
        return
    case.wound.processes = (name,)
    try:
        yield
    finally:
        back = await case.fleet.start_again(name)
        where = case.occasion.what or "wherever it was"
        case.wound.evidence = f"{name} (incarnation {process.incarnation}) was killed ({back}): {where}"


@asynccontextmanager
async def worker_stopped(case: Case, fault: faults.WorkerFreezes) -> AsyncIterator[None]:
    """WorkerFreezes."""
    name = _victim(case)
    process, began_s = case.fleet.members[name].process, case.now()
    if case.fleet.freeze(name):
        case.wound.keeps = name
    try:
        yield
    finally:
        if process.frozen:
            case.wound.processes = (name,)
            case.wound.evidence = (
                f"{name} stood still for {case.now() - began_s:.1f} s: {case.occasion.what or 'wherever it was'}"
            )
            case.fleet.thaw(name)


@asynccontextmanager
async def workers_gone(case: Case, fault: faults.WorkersStop) -> AsyncIterator[None]:
    """WorkersStop."""
    case.wound.processes = tuple(member.name for member in case.fleet.workers())
    ends = await asyncio.gather(*(case.fleet.terminate(name) for name in case.wound.processes))
    try:
        yield
    finally:
        # Those that had ended before: whoever did that starts them again.
        codes = {name: code for name, code in zip(case.wound.processes, ends, strict=True) if code is not None}
        steps = [f"{name} ended with exit code {code} ({await case.fleet.start_again(name)})" for name, code in codes.items()]
        case.wound.evidence = "; ".join(steps) or None


@asynccontextmanager
async def deploying(case: Case, fault: faults.Deploys) -> AsyncIterator[None]:
    """Deploys: it lasts as long as the processes take, whoever met the trigger first."""
    members = sorted(case.fleet.members.values(), key=lambda member: member.name != case.occasion.process)
    case.wound.processes = tuple(member.name for member in members)
    steps = []
    try:
        yield
    finally:
        for member in members:
            code = await case.fleet.terminate(member.name)
            if code is None:  # whoever killed it starts it again
                continue
            await asyncio.sleep(case.random.uniform(*STARTS_WITHIN_S))
            steps.append(f"{member.name} ended with exit code {code} ({await case.fleet.start_again(member.name)})")
        case.wound.evidence = "; ".join(steps) or None


@asynccontextmanager
async def flag_turned(case: Case, fault: faults.FlagFlips) -> AsyncIterator[None]:
    """FlagFlips."""
    said = await case.fleet.turn_flag(fault.percent)
    since_s = case.now()
    try:
        yield
    finally:
        cleared = await case.fleet.turn_flag(None)
        if said is not None and cleared is not None:
            told = f"the flag was set to {fault.percent}: {said}"
            case.wound.evidence = evidence_of(fault, case.fleet.history, told=told, since_s=since_s)


def _victim(case: Case) -> str:
    names = [member.name for member in case.fleet.workers()]
    return case.occasion.process if case.occasion.process in names else case.random.choice(names)


AFFLICTIONS: dict[type[faults.Fault], Callable[[Case, Any], AbstractAsyncContextManager[None]]] = {
    faults.NoFault: nothing,
    faults.SendGridAnswers: answering,
    faults.SendGridRateLimits: rate_limiting,
    faults.SendGridLosesReplies: losing_replies,
    faults.RedisCrashes: redis_down,
    faults.RedisLosesReplies: redis_mute,
    faults.PostgresCrashes: postgres_down,
    faults.WorkerCrashes: worker_dead,
    faults.WorkerFreezes: worker_stopped,
    faults.WorkersStop: workers_gone,
    faults.Deploys: deploying,
    faults.FlagFlips: flag_turned,
}
