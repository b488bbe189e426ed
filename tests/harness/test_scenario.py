"""Scenarios: data in files, loaded by name or path, the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import Scenario, amid_work, at_operation, between, checkers, faults, mail, scenario, traffic, upon
from harness.usage import UsageError

BEGIN = "'''A story.'''\nfrom harness import *\nscenario = Scenario(traffic=traffic.steady(per_second=1, for_seconds=1), "


@pytest.mark.parametrize("name", scenario.names())
def test_every_scenario_tells_its_story_and_says_what_must_hold(name: str) -> None:
    loaded = scenario.load(name)
    assert loaded.name == name
    assert loaded.story.endswith(".")
    assert set(checkers.the_contract) <= set(loaded.must_hold), "what a 202 promises holds in every scenario"
    assert all(planned.lasts_seconds >= 0 for planned in loaded.faults)


@pytest.mark.parametrize("name", scenario.names())
def test_equal_seeds_lay_out_equal_traffic_and_plans(name: str) -> None:
    loaded = scenario.load(name)
    for world in ("simulated", "real"):
        assert loaded.plan(world=world, seed=7) == loaded.plan(world=world, seed=7)
    assert loaded.submissions(seed=7, thinned=True) == loaded.submissions(seed=7, thinned=True)
    assert len(loaded.submissions(seed=7, thinned=True)) <= len(loaded.submissions(seed=7, thinned=False))


def test_the_simulation_thins_steady_traffic_to_about_twenty_events() -> None:
    wanted = Scenario(traffic=traffic.steady(per_second=20, for_seconds=20), must_hold=())
    assert len(wanted.submissions(seed=1, thinned=True)) == 20
    assert len(wanted.submissions(seed=1, thinned=False)) == 400


@pytest.mark.parametrize(("share", "fewest", "most"), [(0.0, 0, 0), (0.0001, 1, 1), (0.25, 1, 12), (1.0, 20, 20)])
def test_steady_traffic_that_asks_for_any_mail_asks_for_one_whatever_the_seed(share: float, fewest: int, most: int) -> None:
    wanted = Scenario(traffic=traffic.steady(per_second=20, for_seconds=20, mailed=share), must_hold=())
    counts = {sum(one.event.email is not None for one in wanted.submissions(seed=seed, thinned=True)) for seed in range(300)}
    assert fewest <= min(counts) <= max(counts) <= most


def test_amid_work_is_an_operation_in_the_simulation_and_a_mail_for_real() -> None:
    wanted = Scenario(
        traffic=traffic.steady(per_second=1, for_seconds=1),
        faults=[upon(amid_work(after_seconds=4), faults.WorkerCrashes(), for_seconds=3)],
        must_hold=(),
    )
    (simulated,) = wanted.plan(world="simulated", seed=3)
    (real,) = wanted.plan(world="real", seed=3)
    assert isinstance(simulated.trigger, faults.AtOperation)
    assert isinstance(real.trigger, faults.UponMail)
    assert simulated.trigger.after_seconds == real.trigger.after_seconds == 4


@pytest.mark.parametrize(
    "planned",
    [
        between(1, 2.5, faults.SendGridAnswers(status=500)),
        between(1, 2.5, faults.FlagFlips(percent=30)),
        upon(mail(3), faults.WorkerFreezes(), for_seconds=2),
        upon(at_operation(9, sent=False), faults.WorkerCrashes(), for_seconds=2),
        upon(amid_work(after_seconds=1), faults.RedisCrashes(loss="empty"), for_seconds=0),
    ],
)
def test_a_plan_is_data(planned: faults.Planned) -> None:
    assert faults.from_data(faults.to_data(planned)) == planned


def test_lookalikes_differ_only_where_a_joined_key_does_not() -> None:
    wanted = Scenario(traffic=traffic.lookalikes(at_seconds=0), must_hold=())
    pairs = [submission.event.pair for submission in wanted.submissions(seed=1, thinned=True)]
    assert len(set(pairs)) == 4
    assert len({f"{pair.source}:{pair.id}" for pair in pairs}) == 3
    assert len({pair.id for pair in pairs}) == 3


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"There is no scenario 'worker_crsh'\. Did you mean 'worker_crash'"):
        scenario.load("worker_crsh")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("'''A story.'''\nx = 1", "defines no `scenario = Scenario"),
        (BEGIN + "must_hold=())", "says nothing that must hold"),
        (BEGIN + "must_hold=[checkers.backlog_drains])", "names backlog_drains without its limits; write backlog_drains(...)"),
        (BEGIN + "must_hold=[print])", "expected checkers"),
        (BEGIN + "must_hold=[checkers.backlog_drains(within=3)])", "takes no argument 'within'. Did you mean 'within_seconds'?"),
        ("import nothing_there", "cannot be run: ModuleNotFoundError"),
        (
            "from harness import *\nscenario = Scenario(traffic=traffic.steady(per_second=1, for_seconds=1), must_hold=())",
            "no story",
        ),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        scenario.load(str(path))
    assert sentence in str(error.value)
