"""Load one system, or two in turns on the same machine, and write down what was seen of each.

The turns are short blocks, so that whatever slows the machine meets before and after alike; between blocks nobody sends for a
moment, and what one system still has to do does not reach into the other's block. After every round `decide` may say that it
has seen enough. At the end every system comes to rest and its final state is read, so that its promises can be judged.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from harness.client import Course
from harness.history import Post
from harness.load.generator import Generator, Plan, Target, Turns
from harness.load.operations import entry_of
from harness.performance import come_to_rest, read_final_state
from harness.systems import Load
from harness.worlds.latency import Quantiles
from harness.worlds.real.processes import Guard
from harness.worlds.real.undisturbed import UndisturbedService
from harness.worlds.world import Stage

BLOCK_SECONDS = 10.0
CALM_SECONDS = 1.0  # at the end of each block nobody sends
WARM_UP_BLOCKS = 1  # of each system: first connections, first calls of everything
LEAD_SECONDS = 4.0  # from starting Locust to the first request
STUB_SECONDS = 4.0
BETWEEN_LOOKS_SECONDS = 0.5
SETTLES_WITHIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """How it is fought: the same load for everybody, the provider's latency, the files' folder, and who watches."""

    load: Load
    latency: Quantiles
    plan: Plan
    decide: Callable[[int], bool]  # asked after every round, the first is 1: has enough been seen?
    show: Callable[[str, float], None]  # what is going on, and the share of the work that is done

    @property
    def rounds(self) -> int:
        """How many blocks each system gets at most."""
        return rounds_of(self.load)


def rounds_of(load: Load) -> int:
    """How many blocks each system gets at most."""
    return max(WARM_UP_BLOCKS + 1, round(load.longest_seconds / BLOCK_SECONDS))


def warm_up_ends_s(position: int) -> float:
    """When the first of several systems (position 0), the second ... has had its warm-up."""
    return WARM_UP_BLOCKS * BLOCK_SECONDS + position * BLOCK_SECONDS


async def contend(stages: Mapping[str, Stage], contest: Contest) -> list[float]:
    """Fill the history of every stage; stages, and Locust's files, go by role: two systems may have one name.

    Returns how long a bare stub took over each request of the same load, in ms.
    """
    async with AsyncExitStack() as exits:
        guard = await exits.enter_async_context(Guard.open())
        services = {}
        for role, stage in stages.items():
            contest.show(f"starting {stage.system.name}", 0.0)
            opening = UndisturbedService.open(stage, latency=contest.latency)
            services[role] = await exits.enter_async_context(opening)
        contest.show("measuring a bare stub", 0.0)
        stub_ms = await _measure_stub(guard, next(iter(services.values())), contest)
        await _load(guard, services, contest)
        for service in services.values():
            contest.show(f"{service.system.name} comes to rest", 1.0)
            await _finish(service)
    return stub_ms


async def _measure_stub(guard: Guard, service: UndisturbedService, contest: Contest) -> list[float]:
    """The same Locust against an endpoint that does nothing: what the generator and the machine add."""
    turns = Turns(
        start_unix_s=time.time() + LEAD_SECONDS,
        offset_s=0.0,
        length_s=STUB_SECONDS,
        period_s=2 * STUB_SECONDS,
        until_s=STUB_SECONDS,
    )
    target = Target(name="stub", addresses=(service.stub,), headers={})
    generator = await Generator.start(guard, target, contest.load, turns=turns, plan=contest.plan)
    await _until_unix(turns.start_unix_s + STUB_SECONDS + CALM_SECONDS, generator)
    return [(line["end"] - line["due"]) * 1e3 for line in await generator.stop() if line["kind"] == "post"]


async def _load(guard: Guard, by_role: Mapping[str, UndisturbedService], contest: Contest) -> None:
    services = list(by_role.values())
    period_s = len(services) * BLOCK_SECONDS
    start_unix_s = time.time() + LEAD_SECONDS
    generators = []
    for number, (role, service) in enumerate(by_role.items()):
        turns = Turns(
            start_unix_s=start_unix_s,
            offset_s=number * BLOCK_SECONDS,
            length_s=BLOCK_SECONDS - CALM_SECONDS,
            period_s=period_s,
            until_s=contest.rounds * period_s,
        )
        target = Target(name=role, addresses=tuple(service.addresses), headers=service.system.api.headers)
        generators.append(await Generator.start(guard, target, contest.load, turns=turns, plan=contest.plan))
    await _until_unix(start_unix_s, *generators)
    for service in services:
        service.begin()
    for number in range(contest.rounds):
        ends_unix_s = start_unix_s + (number + 1) * period_s - CALM_SECONDS / 2  # nobody sends any more, nor yet again
        await _one_round(services, generators, ends_unix_s=ends_unix_s)
        contest.show(f"round {number + 1} of at most {contest.rounds}", (number + 1) / contest.rounds)
        if contest.decide(number + 1):
            break
    rests = await asyncio.gather(*(generator.stop() for generator in generators))
    for service, rest in zip(services, rests, strict=True):
        _record(service, rest)


async def _one_round(services: Sequence[UndisturbedService], generators: Sequence[Generator], *, ends_unix_s: float) -> None:
    while time.time() < ends_unix_s:
        await asyncio.sleep(min(BETWEEN_LOOKS_SECONDS, max(0.0, ends_unix_s - time.time())))
        for service, generator in zip(services, generators, strict=True):
            _record(service, generator.more())
            generator.require()


def _record(service: UndisturbedService, lines: Iterable[dict[str, Any]]) -> None:
    for line in lines:
        entry = entry_of(line, clock=service.wall, process_of=service.addresses)
        if entry is not None:
            service.history.record(entry)


async def _finish(service: UndisturbedService) -> None:
    """Wait until the system is at rest, and read its final state."""
    history = service.history
    rest = await come_to_rest(service, Course(), settles_within_s=SETTLES_WITHIN_SECONDS)
    await read_final_state(service, list(dict.fromkeys(post.pair for post in history.of(Post))), rest)


async def _until_unix(at_unix_s: float, *generators: Generator) -> None:
    while (left := at_unix_s - time.time()) > 0:
        await asyncio.sleep(min(left, BETWEEN_LOOKS_SECONDS))
        for generator in generators:
            generator.require()
