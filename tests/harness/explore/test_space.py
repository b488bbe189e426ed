"""Only what a system offers and claims is drawn, in settings that make sense, and the same for the same seed."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from random import Random
from typing import Any

import pytest

from harness import checkers, systems
from harness.explore.guide import Guide
from harness.explore.space import LATE, SETTINGS, Space
from harness.explore.trial import Trial, scenario_of
from harness.faults import (
    FAULTS,
    AtOperation,
    ClockJumps,
    Deploys,
    FlagFlips,
    NoFault,
    PostgresIsReadOnly,
    RedisCrashes,
    SendGridRateLimits,
    between,
)
from harness.systems import System
from harness.traffic import Posted
from tests.harness.explore.trials import trial

ASYNC, SYNC, DRAFT = (systems.load(name) for name in ("async", "sync", "draft"))


def claiming(system: System, **claims: Any) -> System:
    return system.model_copy(update={"claims": system.claims.model_copy(update=claims)})


def drawn(system: System, *, world: str = "simulated", number: int = 300, seed: int = 1) -> list[Trial]:
    guide = Guide(Space(system, world), seed=seed)
    return [guide.draw() for _ in range(number)]


def test_every_fault_the_asynchronous_reference_offers_is_drawn() -> None:
    kinds = {kind for one in drawn(ASYNC) for kind in one.kinds}
    assert kinds == {kind.__name__ for kind in Space(ASYNC, "simulated").kinds}
    offered = {name for name, kind in FAULTS.items() if kind.needs in ASYNC.offers and kind is not NoFault}
    assert offered - kinds == {"RedisEvicts", "RedisDiskFills", "PostgresDiskFills"}, (
        "what is claimed, and can happen, is explored"
    )


def test_a_redis_that_evicts_is_beyond_every_claim_and_never_drawn() -> None:
    kinds = {kind.__name__ for kind in Space(ASYNC, "real").kinds}
    assert {"RedisLoads", "RedisDiskFills", "PostgresDiskFills"} <= kinds
    assert "RedisEvicts" not in kinds
    unclaimed = {kind.__name__ for kind in Space(claiming(ASYNC, durability=None), "real").kinds}
    assert not {"RedisLoads", "RedisDiskFills", "PostgresDiskFills"} & unclaimed


def test_nothing_is_drawn_that_is_not_there() -> None:
    kinds = {kind for one in drawn(SYNC) for kind in one.kinds}
    assert "PostgresCrashes" in kinds
    assert not [name for name in kinds if FAULTS[name].needs in ("redis", "worker", "flag")]


@pytest.mark.parametrize(
    ("durability", "losses"),
    [(None, set()), ("process-crash", {"process-crash"}), ("power-loss", {"process-crash", "power-loss"})],
)
def test_a_server_forgets_no_more_than_the_claims_allow(durability: str | None, losses: set[str]) -> None:
    plans = [one.plan for one in drawn(claiming(ASYNC, durability=durability))]
    crashes = [planned.fault for plan in plans for planned in plan if isinstance(planned.fault, RedisCrashes)]
    assert {crash.loss for crash in crashes} == losses


def test_the_real_world_gets_no_plan_that_only_the_simulation_can_perform() -> None:
    triggers = {type(planned.trigger) for one in drawn(DRAFT, world="real") for planned in one.plan}
    assert triggers
    assert AtOperation not in triggers


def test_equal_seeds_draw_equal_trials_and_other_seeds_others() -> None:
    assert drawn(ASYNC, number=20) == drawn(ASYNC, number=20) != drawn(ASYNC, number=20, seed=2)


def test_traffic_is_small_and_of_several_kinds() -> None:
    trials = drawn(ASYNC)
    assert all(5 <= len(one.posted) <= 45 and 1 <= len(one.plan) <= 3 for one in trials)
    posted = [event for one in trials for event in one.posted]
    assert {event.content for event in posted} == {"usual", "changed", "nul", "refused"}
    assert {event.copies for event in posted} == {1, 2, 5}
    assert {event.source for event in posted} == {"a5", "a5:evt"}
    assert any(not event.mailed for event in posted)


def test_every_number_that_is_drawn_belongs_to_a_fault() -> None:
    for (name, setting), values in SETTINGS.items():
        for value in values:
            FAULTS[name](**{setting: value})


def test_what_nobody_names_keeps_its_default_and_words_vary() -> None:
    space, random = Space(ASYNC, "simulated"), Random(1)
    roles = {dataclasses.asdict(space.fault(random, FAULTS["RedisLosesReplies"]))["role"] for _ in range(30)}
    assert roles == {"api", "worker"}
    assert space.fault(random, Deploys) == Deploys()


def test_late_events_come_after_the_last_fault_and_only_then_recovery_is_judged() -> None:
    judged = [one for one in drawn(ASYNC) if "ingest_recovers" in named(one)]
    assert judged
    for one in judged:
        late_s = [event.at_seconds for event in one.posted if event.id.startswith(LATE)]
        ends_s = [planned.latest_end_seconds for planned in one.plan]
        assert late_s
        assert all(end is not None and end + 5 < min(late_s) for end in ends_s)


def named(one: Trial, system: System = ASYNC) -> set[str]:
    return {checker.name for checker in scenario_of(one, system).must_hold}


def test_what_must_hold_follows_from_the_plan() -> None:
    limits, deploy, flips = (between(0, 4, fault) for fault in (SendGridRateLimits(), Deploys(), FlagFlips()))
    contract = {checker.name for checker in checkers.the_contract} | {"backlog_drains"}
    assert named(trial()) == contract
    assert named(trial(limits, between(0, 4, ClockJumps()))) == contract, "it is told by a clock"
    assert named(trial(limits, deploy)) == contract | {"rate_limit_is_respected", "terminations_are_clean"}
    without_redis = trial(flips, between(1, 2, RedisCrashes()))
    assert named(without_redis) == contract - {"one_acceptance_per_pair", "duplicates_point_to_their_event"}
    assert named(trial(flips, events=3)) == contract | {"the_flag_is_followed"}, "events come while it stands"
    read_only = trial(between(1, 2, PostgresIsReadOnly()))
    assert named(read_only, SYNC) == contract - {"no_unexplained_second_mail"}
    assert named(read_only) == contract, "with a queue there is Redis to note it in"
    twice = Trial(posted=(Posted(at_seconds=1, id="a"), Posted(at_seconds=2, id="a", content="changed")), plan=(), seed=1)
    assert named(twice) == contract | {"a_changed_payload_is_refused"}


def test_the_backlog_is_given_the_time_the_claims_allow() -> None:
    (drains,) = [one for one in scenario_of(trial(), SYNC).must_hold if one.name == "backlog_drains"]
    assert drains.arguments == {"within_seconds": 12 + 6 + 5}


def test_what_is_not_there_is_not_hurt(tmp_path: Path) -> None:
    path = tmp_path / "bare.toml"
    path.write_text(
        'name = "bare"\n[api]\ncommand = ["a", "{port}"]\n[observe]\nrows = "SELECT source, id FROM a"\n'
        '[env]\nD = "{postgres_url}"\n'
    )
    kinds = {kind.__name__ for kind in Space(systems.load(str(path)), "real").kinds}
    assert "Deploys" in kinds
    assert "PostgresCrashes" not in kinds, "nothing is said of what survives it"
    assert {FAULTS[name].needs for name in kinds} == {"api", "postgres"}
