"""What happens to the service's own processes and its flag in the simulated world. `nothing` is the smallest one to copy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from harness import faults
from harness.worlds.behaviours import Kills
from harness.worlds.flips import evidence_of
from harness.worlds.simulated.afflictions.case import Case
from harness.worlds.simulated.fleet import BEFORE_RESTART_S

STARTS_WITHIN_S = (0.5, 1.5)  # how long a real process takes until it is ready


@asynccontextmanager
async def nothing(case: Case, fault: faults.NoFault) -> AsyncIterator[None]:
    """NoFault."""
    case.wound.evidence = "it was reached"
    yield


@asynccontextmanager
async def process_dead(case: Case, fault: faults.WorkerCrashes | faults.ApiCrashes) -> AsyncIterator[None]:
    """WorkerCrashes, ApiCrashes."""
    name = case.victim(fault.needs)
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
async def process_stopped(case: Case, fault: faults.WorkerFreezes | faults.ApiFreezes) -> AsyncIterator[None]:
    """WorkerFreezes, ApiFreezes."""
    name = case.victim(fault.needs)
    process, began_s = case.fleet.members[name].process, case.now()
    frozen = case.fleet.freeze(name)
    if frozen:
        case.wound.keeps = name
    try:
        yield
    finally:
        died = frozen and not process.alive  # by another fault: what is frozen ends by nothing but SIGKILL
        if died or process.frozen:
            how_long = "until it was killed" if died else f"for {case.now() - began_s:.1f} s"
            case.wound.processes = (name,)
            case.wound.evidence = f"{name} stood still {how_long}: {case.occasion.what or 'wherever it was'}"
        if process.frozen:
            case.fleet.thaw(name)


@asynccontextmanager
async def workers_gone(case: Case, fault: faults.WorkersStop) -> AsyncIterator[None]:
    """WorkersStop."""
    case.wound.processes = tuple(member.name for member in case.fleet.workers())
    # Not waited for here: who met the trigger is held until the fault has begun, and can end only then.
    ending = [asyncio.create_task(case.fleet.terminate(name)) for name in case.wound.processes]
    await asyncio.sleep(0)  # the signals are sent
    try:
        yield
    finally:
        ends = await asyncio.gather(*ending)
        # Those that had ended before: whoever did that starts them again.
        codes = {name: code for name, code in zip(case.wound.processes, ends, strict=True) if code is not None}
        steps = [f"{name} ended with exit code {code} ({await case.fleet.start_again(name)})" for name, code in codes.items()]
        case.wound.evidence = "; ".join(steps) or None


@asynccontextmanager
async def deploying(case: Case, fault: faults.Deploys) -> AsyncIterator[None]:
    """Deploys: it lasts as long as the processes take, whoever met the trigger first."""
    members = sorted(case.fleet.members.values(), key=lambda member: member.name != case.occasion.process)
    case.wound.processes = tuple(member.name for member in members)
    try:
        yield
    finally:
        case.wound.evidence = "; ".join(await _replaced(case, case.wound.processes)) or None


@asynccontextmanager
async def upgrading(case: Case, fault: faults.Upgrades) -> AsyncIterator[None]:
    """Upgrades."""
    fleet = case.fleet
    first = [name for name, member in fleet.members.items() if member.role == fault.first and fleet.upgrade(name)]
    case.wound.processes = tuple(fleet.members)
    # Not waited for here: who met the trigger is held until the fault has begun, and can end only then.
    replacing = asyncio.create_task(_replaced(case, first))
    try:
        yield
    finally:
        steps = [*await replacing, *await _replaced(case, [name for name in fleet.members if fleet.upgrade(name)])]
        case.wound.evidence = "; ".join(steps) or None


async def _replaced(case: Case, names: Iterable[str]) -> list[str]:
    """Stop processes and start them again, one after the other; what came of each, in words."""
    steps = []
    for name in names:
        code = await case.fleet.terminate(name)
        if code is None:  # whoever killed it starts it again
            continue
        await asyncio.sleep(case.random.uniform(*STARTS_WITHIN_S))
        steps.append(f"{name} ended with exit code {code} ({await case.fleet.start_again(name)})")
    return steps


@asynccontextmanager
async def clock_wrong(case: Case, fault: faults.ClockJumps) -> AsyncIterator[None]:
    """ClockJumps. A process that is started meanwhile runs on the same machine."""
    began_s, roles, fleet = case.now(), case.roles(fault.role), case.fleet
    fleet.set_clocks(roles, fault.seconds)
    case.wound.processes = tuple(name for name, member in fleet.members.items() if roles is None or member.role in roles)
    try:
        yield
    finally:
        fleet.set_clocks(roles, 0.0)
        names = ", ".join(case.wound.processes)
        case.wound.evidence = f"the wall clock of {names} was {fault.seconds:+g} s off for {case.now() - began_s:.1f} s"


@asynccontextmanager
async def event_deadly(case: Case, fault: faults.EventKillsWorkers) -> AsyncIterator[None]:
    """EventKillsWorkers."""
    fleet, provider = case.fleet, case.servers.sendgrid.provider
    killed, starting = list[str](), list[asyncio.Task[None]]()

    async def bring_back(name: str) -> None:
        await asyncio.sleep(BEFORE_RESTART_S)
        await fleet.start_again(name)

    def kill(name: str) -> None:
        if fleet.kill(name):
            killed.append(name)
            starting.append(asyncio.create_task(bring_back(name)))

    deadly = Kills(kill)
    provider.behaviours.append(deadly)
    try:
        yield
    finally:
        provider.behaviours.remove(deadly)
        await asyncio.gather(*starting)
        case.wound.processes = tuple(dict.fromkeys(killed))
        if killed:
            case.wound.evidence = f"{deadly.id} killed {', '.join(killed)} in the middle of its mail"


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
