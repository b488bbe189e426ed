"""What applies to what: a fault or a trigger that cannot happen makes a scenario not applicable, before anything is started."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from harness import Scenario, amid_work, at_operation, between, faults, mail, systems, traffic, upon
from harness.faults import Planned
from harness.runner import Order, execute, why_not_applicable
from harness.systems import System
from harness.verdict import Ruling
from harness.worlds.real.world import RealWorld
from harness.worlds.simulated.world import SimulatedWorld

WITHOUT_MAIL = """
name = "mine"
[api]
command = ["python", "service.py", "{port}"]
[worker]
command = ["python", "service.py"]
[env]
DATABASE_URL = "{postgres_url}"
REDIS_URL = "{redis_url}"
[observe]
rows = "SELECT source, id FROM events"
"""
NOT_MADE = {"simulated": {faults.RedisDiskFills, faults.PostgresDiskFills}, "real": {faults.ClockJumps}}
AMID_WORK = upon(amid_work(after_seconds=4), faults.WorkerCrashes(), for_seconds=3)


@pytest.fixture
def without_mail(tmp_path: Path) -> System:
    (tmp_path / "mine.toml").write_text(WITHOUT_MAIL)
    return systems.load(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize("world", ["real", "simulated"])
def test_a_trigger_needs_what_it_waits_for(without_mail: System, world: str) -> None:
    plan = [upon(mail(3), faults.WorkerCrashes(), for_seconds=1)]
    told = why_not_applicable(plan, without_mail, world=world)
    assert told == "UponMail needs sendgrid, which the system 'mine' does not use"
    assert not why_not_applicable(plan, systems.load("async"), world=world)


def test_amid_work_is_a_drawn_time_where_no_mail_shows_the_work(without_mail: System) -> None:
    wanted = Scenario(traffic=traffic.steady(per_second=1, for_seconds=1), faults=[AMID_WORK], must_hold=())
    plans = [wanted.plan(world="real", seed=seed, offers=without_mail.offers) for seed in range(20)]
    for (planned,) in plans:
        assert isinstance(planned.trigger, faults.At)
        assert 4 <= planned.trigger.seconds <= 7
        assert planned.latest_end_seconds == planned.trigger.seconds + 3
    assert len(set(plans)) > 15
    assert plans[7] == wanted.plan(world="real", seed=7, offers=without_mail.offers)
    assert not why_not_applicable(plans[0], without_mail, world="real")


def test_with_mail_equal_seeds_keep_their_plans() -> None:
    drawn = faults.resolve(AMID_WORK, world="real", random=Random(5), offers=("sendgrid",))
    assert drawn.trigger == faults.UponMail(Random(5).randint(1, 10), 4)


def test_what_only_the_simulation_sees_does_not_apply_for_real() -> None:
    plan = [upon(at_operation(3), faults.WorkerCrashes(), for_seconds=1)]
    assert "only be seen in the simulated world" in why_not_applicable(plan, systems.load("async"), world="real")
    assert not why_not_applicable(plan, systems.load("async"), world="simulated")


@pytest.mark.parametrize(
    ("scenario", "variable"), [("redis_restart", "HARNESS_REDIS_URL"), ("postgres_restart", "HARNESS_POSTGRES_URL")]
)
def test_a_server_the_user_brought_along_is_not_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scenario: str, variable: str
) -> None:
    monkeypatch.setenv(variable, "nothing://is-asked-there")
    done = execute(Order(scenario=scenario, system="async", world="real", seed=1), tmp_path)
    assert done.history is None
    assert done.execution.ruling is Ruling.NOT_APPLICABLE
    assert done.execution.reason is not None
    assert f"{variable} names, which is not ours" in done.execution.reason
    assert not list(tmp_path.iterdir()), "nothing was started"


def test_other_faults_reach_a_server_the_user_brought_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_REDIS_URL", "redis://theirs/0")
    plan = [between(1, 2, faults.RedisLosesReplies()), between(1, 2, faults.PostgresCrashes())]
    assert not why_not_applicable(plan, systems.load("async"), world="real")
    assert not why_not_applicable([between(1, 2, faults.RedisCrashes())], systems.load("async"), world="simulated")


@pytest.mark.parametrize("world", [RealWorld, SimulatedWorld])
def test_a_world_says_which_faults_it_cannot_make(
    monkeypatch: pytest.MonkeyPatch, world: type[RealWorld] | type[SimulatedWorld]
) -> None:
    assert set(faults.FAULTS.values()) - world.supported_faults == NOT_MADE[world.name]
    monkeypatch.setattr(world, "supported_faults", world.supported_faults - {faults.Deploys})
    plan: list[Planned] = [between(1, 2, faults.Deploys())]
    told = why_not_applicable(plan, systems.load("async"), world=world.name)
    assert told == f"the {world.name} world cannot make Deploys happen"


def test_the_history_names_scenario_and_system_as_they_were_typed() -> None:
    history = execute(Order(scenario="baseline", system="async", world="simulated", seed=1), None).history
    assert history is not None
    assert (history.header.scenario_path, history.header.system_path) == ("baseline", "async"), "a replay loads them again"
