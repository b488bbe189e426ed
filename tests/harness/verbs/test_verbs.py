"""What the verbs say and leave behind: order of findings, an interrupted run, a replay's worth."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness import archive, cli
from harness.archive import RunFolder
from harness.campaign import dispatch
from harness.campaign.draw import Draw
from harness.results import Execution
from harness.runner import Order
from harness.usage import UsageError
from harness.verbs import run, stored
from harness.verbs.steps import Job
from harness.verdict import Ruling, Verdict, Violation
from tests.harness.runs import with_a_crash


def words(out: Path, *more: str) -> argparse.Namespace:
    return cli.parser().parse_args(["run", "baseline", "worker_crash", *more, "--out", str(out)])


def ended(order: Order, ruling: Ruling = Ruling.HELD) -> Execution:
    found = (Violation(f"{order.scenario} lost evt_1"),) if ruling is Ruling.VIOLATED else ()
    verdict = Verdict(ruling=ruling, checked=1, violations=found, checker="c", claim="Kept.")
    return Execution(
        name=order.scenario,
        world=order.world,
        seed=order.seed,
        system="async",
        ruling=ruling,
        verdicts=(verdict,),
        reason="noise",
    )


def run_as(monkeypatch: pytest.MonkeyPatch, do: Any) -> None:
    """Let `dispatch.run` do something else: no process is started."""

    def run(draws: Sequence[Draw], desk: dispatch.Desk) -> None:
        do(draws)

    monkeypatch.setattr(dispatch, "run", run)


@pytest.mark.parametrize("seeds", ["1", "3"])
def test_an_interrupted_run_leaves_a_report_of_what_had_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], seeds: str
) -> None:
    def interrupted_after_one(draws: Sequence[Draw]) -> None:
        draws[0].take(ended(draws[0].first))
        raise KeyboardInterrupt

    run_as(monkeypatch, interrupted_after_one)
    with pytest.raises(KeyboardInterrupt):
        run.run(words(tmp_path / "out", "--seeds", seeds))
    _, results = archive.open_run(tmp_path / "out")
    assert results.interrupted == f"after 1 of {2 * int(seeds)} executions"
    assert results.ruling is Ruling.UNKNOWN
    assert "**Interrupted after 1 of" in (tmp_path / "out" / "report.md").read_text()
    assert f"interrupted {results.interrupted}; what had ended is in" in capsys.readouterr().err


def test_a_run_interrupted_before_anything_ended_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(draws: Sequence[Draw]) -> None:
        raise KeyboardInterrupt

    run_as(monkeypatch, interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.run(words(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_what_is_violated_is_shown_before_noise_however_late_it_ran(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def six_unknown_then_one_violated(draws: Sequence[Draw]) -> None:
        for draw in draws:
            last = draw is draws[-1]
            draw.take(ended(draw.first, Ruling.VIOLATED if last else Ruling.UNKNOWN))

    run_as(monkeypatch, six_unknown_then_one_violated)
    names = ["baseline", "deploy", "duplicate_storm", "poison_event", "redis_restart", "sendgrid_outage", "worker_crash"]
    assert run.run(cli.parser().parse_args(["run", *names, "--out", str(tmp_path / "out")])) is Ruling.VIOLATED
    findings = capsys.readouterr().out.split("\n\n", 1)[1]
    assert findings.startswith("violated worker_crash")
    assert "and in the report 0 more violated, 2 more unknown" in findings


@pytest.mark.parametrize(
    ("world", "scenarios", "seeds", "told"),
    [
        ("simulated", 1, 1, "simulating s0"),
        ("simulated", 16, 10, "simulating 16 scenarios, 10 seeds each"),
        ("real", 1, 1, "s0 with real processes: half a minute to two minutes each"),
        ("real", 16, 1, "16 scenarios with real processes, up to 4 at a time: half a minute to two minutes each"),
    ],
)
def test_a_job_says_what_begins(world: str, scenarios: int, seeds: int, told: str) -> None:
    orders = tuple(Order(scenario=f"s{number}", system="async", world=world, seed=1) for number in range(scenarios))
    assert Job(orders, seeds).story == told


def test_a_report_whose_pictures_cannot_be_drawn_again_is_left_as_it_is(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", "run")
    folder.write(with_a_crash(folder))
    again, written = cli.parser().parse_args(["report", str(folder.path)]), folder.path / "report.md"
    assert stored.rebuild_report(again) is Ruling.VIOLATED, "the stored run's"
    text = written.read_text()
    (history,) = folder.path.glob("scenarios/*/history.jsonl")
    history.unlink()
    with pytest.raises(UsageError, match=r"without them \(scenarios/worker_crash-real-7/timeline\.svg\); it was left as it is"):
        stored.rebuild_report(again)
    assert written.read_text() == text
    (history.parent / "timeline.svg").unlink()
    stored.rebuild_report(again)
    assert "Its history was not kept" in written.read_text()


def test_what_was_no_scenario_cannot_be_replayed(tmp_path: Path) -> None:
    header = '{"scenario":"ui","system":"async","world":"real","seed":1,"schema":1,"repeat":"harness ui --system async"}\n'
    (tmp_path / "history.jsonl").write_text(header, encoding="utf-8")
    with pytest.raises(UsageError, match="cannot be replayed; again: harness ui --system async"):
        stored.replay(cli.parser().parse_args(["replay", str(tmp_path / "history.jsonl"), "--out", str(tmp_path / "out")]))
    assert not (tmp_path / "out").exists()


def test_a_replay_says_what_it_is_worth_before_it_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "history.jsonl").write_text(
        '{"scenario":"baseline","scenario_path":"baseline","system":"async","system_path":"async","world":"real","seed":1,"schema":1}\n',
        encoding="utf-8",
    )
    run_as(monkeypatch, lambda draws: draws[0].take(ended(draws[0].first)))
    replay = ["replay", str(tmp_path / "history.jsonl"), "--out", str(tmp_path / "out")]
    stored.replay(cli.parser().parse_args(replay))
    assert capsys.readouterr().out.startswith(
        "replaying with real processes: the same seed, traffic and faults, but other timing."
    )
