"""The runs whose cost is measured: a long outage, and a small run of which a search makes thousands."""

from __future__ import annotations

import time
from dataclasses import dataclass

from harness import Scenario, between, checkers, faults, systems, traffic
from harness.faults import to_data
from harness.history import Header, History
from harness.performance import perform
from harness.worlds import world as worlds
from harness.worlds.world import Stage

LONG_OUTAGE = Scenario(
    name="long_outage",
    traffic=traffic.steady(per_second=50 / 120, for_seconds=120),
    faults=[between(20, 80, faults.SendGridAnswers(status=503))],
    must_hold=[*checkers.the_contract],
)
SMALL = Scenario(
    name="small",
    traffic=traffic.steady(per_second=1, for_seconds=10),
    faults=[between(3, 6, faults.SendGridAnswers(status=503))],
    must_hold=[*checkers.the_contract],
)


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU milliseconds of one run, and of judging it."""

    run_ms: float
    judge_ms: float
    simulated_s: float


def simulate_once(wanted: Scenario, *, seed: int) -> Cost:
    """Run the full reference through a scenario in the simulated world; CPU time of this process, checkers apart."""
    system = systems.load("async")
    plan = wanted.plan(world="simulated", seed=seed)
    header = Header(
        scenario=wanted.name,
        system="async",
        world="simulated",
        seed=seed,
        offers=tuple(sorted(system.offers)),
        claims=system.claims.model_dump(),
        processes=system.processes,
        plan=tuple(to_data(planned) for planned in plan),
        must_hold=tuple(checker.to_data() for checker in wanted.must_hold),
    )
    history = History(header)
    stage = Stage(system=system, history=history, seed=seed, plan=plan, folder=None)

    async def main() -> None:
        async with worlds.open_world("simulated", stage) as world:
            await perform(wanted, world, plan=plan, thinned=False)

    began = time.process_time()
    worlds.run("simulated", main, seed=seed)
    ran = time.process_time()
    verdicts = checkers.judge(history)
    judged = time.process_time()
    assert checkers.ruling(verdicts) == "held", [verdict for verdict in verdicts if verdict.violations or verdict.reason]
    assert history.rest is not None
    return Cost((ran - began) * 1e3, (judged - ran) * 1e3, history.rest.at_s)
