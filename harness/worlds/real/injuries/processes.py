"""What is done to the service's own processes and its flag. `nothing` is the smallest one to copy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from harness import faults
from harness.worlds.behaviours import Kills
from harness.worlds.flips import evidence_of
from harness.worlds.real.fleet import BEFORE_RESTART_S, Fleet
from harness.worlds.real.injuries.ward import Injury, Ward

ENDS_WITHIN_S = 15.0
STOPS_WITHIN_S = 1.0


@asynccontextmanager
async def nothing(ward: Ward, fault: faults.NoFault) -> AsyncIterator[Injury]:
    """NoFault."""
    yield Injury(evidence="it was reached")


@asynccontextmanager
async def process_crashes(ward: Ward, fault: faults.WorkerCrashes | faults.ApiCrashes) -> AsyncIterator[Injury]:
    """WorkerCrashes, ApiCrashes."""
    fleet, victim = ward.stack.fleet, ward.victims[fault.needs]
    injury = Injury((victim,))
    before = fleet.pid(victim)
    killed = await fleet.kill(victim)
    try:
        yield injury
    finally:
        if killed:  # else it was down already, and whoever did that starts it again
            injury.evidence = f"{victim} was killed as pid {before} ({await fleet.start_again(victim)}): {ward.moment}"


@asynccontextmanager
async def process_freezes(ward: Ward, fault: faults.WorkerFreezes | faults.ApiFreezes) -> AsyncIterator[Injury]:
    """WorkerFreezes, ApiFreezes."""
    fleet, victim = ward.stack.fleet, ward.victims[fault.needs]
    injury = Injury((victim,))
    pid = fleet.pid(victim)
    frozen = await fleet.freeze(victim) and await _stops(pid)
    began = time.monotonic()
    try:
        yield injury
    finally:
        stayed = is_stopped(pid)
        died = not await fleet.resume(victim, pid=pid)  # by another fault: what is frozen ends by nothing but SIGKILL
        if frozen and (stayed or died):
            how_long = "until it was killed" if died else f"for {time.monotonic() - began:.1f} s"
            injury.evidence = f"{victim} (pid {pid}) stood still {how_long}: {ward.moment}"


@asynccontextmanager
async def workers_stop(ward: Ward, fault: faults.Fault) -> AsyncIterator[Injury]:
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
async def deploys(ward: Ward, fault: faults.Fault) -> AsyncIterator[Injury]:
    """Deploys: it lasts as long as the processes take, whoever met the trigger first."""
    fleet = ward.stack.fleet
    injury = Injury(tuple(sorted(fleet.names(), key=lambda name: name not in ward.victims.values())))
    try:
        yield injury
    finally:
        injury.evidence = "; ".join(await _replaced(fleet, injury.processes)) or None


@asynccontextmanager
async def upgrades(ward: Ward, fault: faults.Upgrades) -> AsyncIterator[Injury]:
    """Upgrades."""
    fleet = ward.stack.fleet
    first = [name for name in fleet.names(fault.first) if fleet.upgrade(name)]
    injury = Injury(tuple(fleet.names()))
    # Not waited for here: who met the trigger is held until the fault has begun, and can end only then.
    replacing = asyncio.create_task(_replaced(fleet, first))
    try:
        yield injury
    finally:
        steps = [*await replacing, *await _replaced(fleet, [name for name in fleet.names() if fleet.upgrade(name)])]
        injury.evidence = "; ".join(steps) or None


async def _replaced(fleet: Fleet, names: Iterable[str]) -> list[str]:
    """Stop processes and start them again, one after the other; what came of each, in words."""
    steps = []
    for name in names:
        before = fleet.pid(name)
        code = await fleet.terminate(name, within_s=ENDS_WITHIN_S)
        if code is not None:  # else it was down already, and whoever did that starts it again
            steps.append(f"{name} ended with exit code {code} (pid {before}, {await fleet.start_again(name)})")
    return steps


@asynccontextmanager
async def event_kills_workers(ward: Ward, fault: faults.EventKillsWorkers) -> AsyncIterator[Injury]:
    """EventKillsWorkers."""
    fleet, injury = ward.stack.fleet, Injury()
    killed, killing = list[str](), list[asyncio.Task[None]]()

    async def kill_and_bring_back(name: str) -> None:
        if await fleet.kill(name):
            killed.append(name)
            await asyncio.sleep(BEFORE_RESTART_S)
            await fleet.start_again(name)

    deadly = Kills(lambda name: killing.append(asyncio.create_task(kill_and_bring_back(name))))
    ward.provider.behaviours.append(deadly)
    try:
        yield injury
    finally:
        ward.provider.behaviours.remove(deadly)
        await asyncio.gather(*killing)
        injury.processes = tuple(dict.fromkeys(killed))
        if killed:
            injury.evidence = f"{deadly.id} killed {', '.join(killed)} in the middle of its mail"


@asynccontextmanager
async def flag_flips(ward: Ward, fault: faults.FlagFlips) -> AsyncIterator[Injury]:
    """FlagFlips."""
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
