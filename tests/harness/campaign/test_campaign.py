"""What a busy machine could not decide is tried once more, alone; nothing else is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.campaign import dispatch
from harness.campaign.batch import Ended
from harness.campaign.dispatch import Desk
from harness.campaign.draw import Draw
from harness.report.summary import remark
from harness.results import Execution
from harness.runner import Order
from harness.verdict import Ruling, Verdict, unknown


def execution(name: str, *verdicts: Verdict, ruling: Ruling = Ruling.UNKNOWN) -> Execution:
    return Execution(name=name, world="real", seed=1, system="async", ruling=ruling, verdicts=verdicts)


BUSY = execution("busy", unknown("the stub was slow too", noisy=True), Verdict(ruling=Ruling.HELD))
UNDECIDED = execution("undecided", unknown("the stub was slow too", noisy=True), unknown("the fault did not bite"))
CONVICTED = execution("convicted", unknown("slow", noisy=True), Verdict(ruling=Ruling.VIOLATED), ruling=Ruling.VIOLATED)
HELD = execution("held", Verdict(ruling=Ruling.HELD), ruling=Ruling.HELD)


class Now:
    """A pool that works at once, in this process."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __enter__(self) -> Now:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, work: Any, *arguments: Any, **options: Any) -> Any:
        found = work(*arguments, **options)

        class Ready:
            def result(self) -> Any:
                return found

        return Ready()


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []

    def perform(orders: tuple[Order, ...], *, folder: Path) -> list[Ended]:
        names.extend(order.scenario for order in orders)
        return [Ended(execution(order.scenario, ruling=Ruling.HELD)) for order in orders]

    monkeypatch.setattr(dispatch, "pool_of", Now)
    monkeypatch.setattr(dispatch, "perform", perform)
    return names


def draw(one: Execution) -> Draw:
    order = Order(scenario=one.name, system="async", world="real", seed=1)
    return Draw(order, wanted=1, drawn=1, executions=[one])


def test_only_what_the_machine_was_too_busy_for_is_tried_again(tried: list[str], tmp_path: Path) -> None:
    draws = [draw(one) for one in (BUSY, UNDECIDED, CONVICTED, HELD)]
    dispatch._try_again(draws, Desk(folder=tmp_path, watch=lambda _: None))
    assert tried == ["busy"]
    (again,) = draws[0].executions
    assert (again.ruling, again.tries) == (Ruling.HELD, 2)
    assert remark(again) == "second try, alone: at the first this machine was too busy to tell"


def test_what_was_seen_first_is_set_aside(tried: list[str], tmp_path: Path) -> None:
    (tmp_path / "scenarios" / "busy-real-1").mkdir(parents=True)
    first = Execution(**{name: getattr(BUSY, name) for name in BUSY.__dataclass_fields__} | {"folder": "scenarios/busy-real-1"})
    dispatch._try_again([draw(first)], Desk(folder=tmp_path, watch=lambda _: None))
    assert (tmp_path / "first_tries" / "busy-real-1").is_dir()
    assert not (tmp_path / "scenarios" / "busy-real-1").exists()
