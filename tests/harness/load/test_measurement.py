"""From what is asked to what is found, with a contest that is made up: who is judged, by what, and when it is enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import systems
from harness.archive import RunFolder
from harness.history import Probe
from harness.load import measurement
from harness.load.measurement import JUDGED, Measurement, Wish, measure
from harness.results import POST, STATUS
from harness.systems import System
from harness.verdict import Ruling
from tests.harness.load.made_up import MadeUp

ROUNDS = 9


def measured(folder: Path, made_up: MadeUp, monkeypatch: pytest.MonkeyPatch, **wish: object) -> Measurement:
    monkeypatch.setattr(measurement, "contend", made_up)
    wanted = Wish(after=systems.load("async"), **wish)  # type: ignore[arg-type]
    return measure(wanted, RunFolder(folder), show=lambda *_: None)


def ruling_of(found: Measurement, endpoint: str, role: str = "after") -> str:
    [row] = [row for row in found.rows if row["role"] == role and row["endpoint"] == endpoint]
    return str(row["ruling"])


def test_a_gate_stops_when_it_is_decided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = MadeUp(after=200.0)
    found = measured(tmp_path, slow, monkeypatch, gate=True)
    assert ruling_of(found, POST) == "violated"
    assert slow.rounds < ROUNDS


def test_a_fast_service_is_held_and_its_warm_up_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = measured(tmp_path, MadeUp(after=5.0), monkeypatch, gate=True)
    assert (ruling_of(found, POST), ruling_of(found, STATUS)) == ("held", "held")
    [row] = [row for row in found.rows if row["endpoint"] == POST and row["role"] == "after"]
    assert row["p99_ms"]["high"] == 5.0


def test_without_a_gate_all_the_time_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = MadeUp(after=200.0)
    found = measured(tmp_path, slow, monkeypatch)
    assert (slow.rounds, ruling_of(found, POST)) == (ROUNDS, "violated")


def test_only_after_is_judged_and_before_is_measured_by_the_same_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up = MadeUp(before=300.0, after=5.0)
    found = measured(tmp_path, made_up, monkeypatch, before=systems.load("sync"), gate=True)
    assert (ruling_of(found, POST, "before"), ruling_of(found, POST)) == ("violated", "held")
    assert found.execution.system == "async"
    assert not found.execution.violations
    assert list(found.histories) == ["before", "after"]
    assert sorted(path.parent.name for path in tmp_path.rglob("history.jsonl")) == ["load-after-real-1", "load-before-real-1"]


def test_what_was_promised_under_load_is_judged_by_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.harness.load.made_up.Row", lambda pair: Probe(at_s=0.0, latency_s=0.0))
    found = measured(tmp_path, MadeUp(after=5.0), monkeypatch)
    assert found.execution.ruling is Ruling.VIOLATED
    assert {verdict.checker for verdict in found.execution.verdicts} >= {checker.name for checker in JUDGED}
    assert ruling_of(found, POST) == "held"


def test_everybody_has_the_load_of_the_judged_system() -> None:
    before, after = (System(**(systems.load("async").model_dump() | {"load": {"posts_per_second": rate}})) for rate in (1, 7))
    wish = Wish(after=after, before=before)
    assert wish.load.posts_per_second == 7
    assert list(wish.systems) == ["before", "after"]
    assert list(Wish(after=after).systems) == ["after"]
