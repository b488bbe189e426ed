"""What each fault does to a stack, and the evidence that it really happened: one async context manager a fault.

Inside the block it hurts; after it, also on error, it is healed and `Injury.evidence` says what was seen (a pid that
changed, replies a proxy dropped, calls the stand-in answered). No evidence means that the fault proved nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import faults
from harness.faults import Fault
from harness.worlds.flips import evidence_of
from harness.worlds.provider import Answers, Behaviour, LosesReplies, Provider, RateLimits
from harness.worlds.real.proxy import DropsReplies
from harness.worlds.real.stack import Stack

ENDS_WITHIN_S = 15.0
STOPS_WITHIN_S = 1.0
REPLIES_LOST_SHARE = 0.5  # were all lost, nothing but handshakes would follow the first


@dataclass
class Injury:
    """What a fault did so far: whom it hurt, and the evidence (None: nothing yet)."""

    processes: tuple[str, ...] = ()
    evidence: str | None = None


@dataclass(frozen=True, kw_only=True)
class Ward:
    """What can be hurt, and which worker is meant where a fault says "one worker"."""

    stack: Stack
    provider: Provider
    victim: str
    moment: str  # what the victim was doing


Inflict = Callable[[Ward, Fault], AbstractAsyncContextManager[Injury]]


@asynccontextmanager
async def nothing(ward: Ward, fault: Fault) -> AsyncIterator[Injury]:
    """NoFault."""
    yield Injury(evidence="it was reached")


@asynccontextmanager
async def sendgrid_misbehaves(ward: Ward, fault: Fault) -> AsyncIterator[Injury]:
    """SendGridAnswers, SendGridRateLimits, SendGridLosesReplies."""
    behaviour, what = _behaviour(fault)
    injury = Injury(("sendgrid",))
    ward.provider.behaviours.append(behaviour)
    try:
        yield injury
    finally:
        ward.provider.behaviours.remove(behaviour)
        if touched := ward.provider.touched(behaviour):
            injury.evidence = f"{touched} calls {what}"


@asynccontextmanager
async def server_crashes(ward: Ward, fault: Fault) -> AsyncIterator[Injury]:
    """RedisCrashes, PostgresCrashes."""
    server = KILLED_BY[type(fault)]
    loss = fault.loss if isinstance(fault, faults.RedisCrashes) else "process-crash"
    injury = Injury((server,))
    journal = ward.stack.fleet.journal
    began = time.monotonic()
    killed = await ward.stack.crash(server, loss)
    if killed:
        journal.note(server, "killed", detail=f"pid {killed.pid}, {loss}")
    try:
        yield injury
    finally:
        if killed:  # else it was down already, and whoever did that starts it again
            started = await ward.stack.restart(server)
            journal.note(server, "started", detail=f"pid {started.pid}")
            forgotten = ward.stack.servers.forgotten_bytes(server)
            injury.evidence = (
                f"{server} was killed as pid {killed.pid} and answered again as pid {started.pid} "
                f"{time.monotonic() - began:.1f} s later, {forgotten} bytes forgotten"
            )


@asynccontextmanager
async def redis_loses_replies(ward: Ward, fault: Fault) -> AsyncIterator[Injury]:
    """RedisLosesReplies."""
    role = fault.role if isinstance(fault, faults.RedisLosesReplies) else "api"
    hurt = ward.stack.fleet.names(role)
    proxies = ward.stack.proxies_of("redis", *hurt)
    before = sum(proxy.counts.replies_lost for proxy in proxies)
    injury = Injury(tuple(hurt))
    for proxy in proxies:
        proxy.suffer(DropsReplies(REPLIES_LOST_SHARE, resets=True))
    try:
        yield injury
    finally:
        for proxy in proxies:
            proxy.heal()
        if lost := sum(proxy.counts.replies_lost for proxy in proxies) - before:
            injury.evidence = f"{lost} replies of redis to {', '.join(hurt)} were lost"


@asynccontextmanager
async def worker_crashes(ward: Ward, fault: Fault) -> AsyncIterator[Injury]:
    """WorkerCrashes."""
    fleet, victim = ward.stack.fleet, ward.victim
    injury = Injury((victim,))
    before = fleet.pid(victim)
    killed = await fleet.kill(victim)
    try:
        yield injury
    finally:
        if killed:  # else it was down already, and whoever did that starts it again
            injury.evidence = f"{victim} was killed as pid {before} ({await fleet.start_again(victim)}): {ward.moment}"


@asynccontextmanager
async def worker_freezes(ward: Ward, fault: Fault) -> AsyncIterator[Injury]:
    """WorkerFreezes."""
    fleet, victim = ward.stack.fleet, ward.victim
    injury = Injury((victim,))
    pid = fleet.pid(victim)
    frozen = await fleet.freeze(victim) and await _stops(pid)
    began = time.monotonic()
    try:
        yield injury
    finally:
        stayed = is_stopped(pid)
        if await fleet.resume(victim) and frozen and stayed:
            injury.evidence = f"{victim} (pid {pid}) stood still for {time.monotonic() - began:.1f} s: {ward.moment}"


@asynccontextmanager
async def workers_stop(ward: Ward, fault: Fault) -> AsyncIterator[Injury]:
    """WorkersStop."""
    fleet = ward.stack.fleet
    injury = Injury(tuple(fleet.names("worker")))
    # Not waited for here: who met the trigger is held until the fault has begun, and can end only then.
    ending = [asyncio.create_task(fleet.terminate(name, within_s=ENDS_WITHIN_S)) for name in injury.processes]
    try:
        yield injury
    finally:
        ends = await asyncio.gather(*ending)
        # Those that had ended before: whoever did that starts them again.
        codes = {name: code for name, code in zip(injury.processes, ends, strict=True) if code is not None}
        steps = [f"{name} ended with exit code {code} ({await fleet.start_again(name)})" for name, code in codes.items()]
        injury.evidence = "; ".join(steps) or None


@asynccontextmanager
async def deploys(ward: Ward, fault: Fault) -> AsyncIterator[Injury]:
    """Deploys: it lasts as long as the processes take, whoever met the trigger first."""
    fleet = ward.stack.fleet
    injury = Injury(tuple(sorted(fleet.names(), key=lambda name: name != ward.victim)))
    steps = []
    try:
        yield injury
    finally:
        for name in injury.processes:
            before = fleet.pid(name)
            code = await fleet.terminate(name, within_s=ENDS_WITHIN_S)
            if code is not None:  # else it was down already, and whoever did that starts it again
                steps.append(f"{name} ended with exit code {code} (pid {before}, {await fleet.start_again(name)})")
        injury.evidence = "; ".join(steps) or None


@asynccontextmanager
async def flag_flips(ward: Ward, fault: Fault) -> AsyncIterator[Injury]:
    """FlagFlips."""
    assert isinstance(fault, faults.FlagFlips)
    fleet, injury = ward.stack.fleet, Injury()
    said = await fleet.turn_flag(fault.percent)
    since_s = fleet.journal.clock.now()
    try:
        yield injury
    finally:
        cleared = await fleet.turn_flag(None)
        if said is not None and cleared is not None:
            told = f"the flag's command ended with exit code 0 and said '{said}'"
            injury.evidence = evidence_of(fault, fleet.journal.history, told=told, since_s=since_s)


INFLICTED: dict[type[Fault], Inflict] = {
    faults.NoFault: nothing,
    faults.SendGridAnswers: sendgrid_misbehaves,
    faults.SendGridRateLimits: sendgrid_misbehaves,
    faults.SendGridLosesReplies: sendgrid_misbehaves,
    faults.RedisCrashes: server_crashes,
    faults.PostgresCrashes: server_crashes,
    faults.RedisLosesReplies: redis_loses_replies,
    faults.WorkerCrashes: worker_crashes,
    faults.WorkerFreezes: worker_freezes,
    faults.WorkersStop: workers_stop,
    faults.Deploys: deploys,
    faults.FlagFlips: flag_flips,
}

KILLED_BY = {faults.RedisCrashes: "redis", faults.PostgresCrashes: "postgres"}  # which server: it has to be ours


async def _stops(pid: int) -> bool:
    """Whether a process that was told to stop does; the kernel takes a moment where it is busy in a call."""
    deadline = time.monotonic() + STOPS_WITHIN_S
    while not is_stopped(pid):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.005)
    return True


def is_stopped(pid: int) -> bool:
    """Whether the kernel says that a process is stopped."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state == "T"


def _behaviour(fault: Fault) -> tuple[Behaviour, str]:
    """What the provider does under a fault, and how its evidence is put."""
    match fault:
        case faults.SendGridAnswers(status=status):
            return Answers(status), f"were answered {status}"
        case faults.SendGridRateLimits(mails=mails, window_seconds=window_seconds):
            return RateLimits(mails, window_seconds), "were answered 429"
        case faults.SendGridLosesReplies(share=share):
            return LosesReplies(share), "were taken but their replies lost"
    raise TypeError(f"{type(fault).__name__} is no fault of SendGrid")
