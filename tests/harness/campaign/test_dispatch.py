"""Batches are handed out a few at a time, and what is kept of them comes back as values."""

from __future__ import annotations

import threading
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

from harness.archive import HISTORY
from harness.campaign import dispatch
from harness.campaign.batch import Ended
from harness.campaign.dispatch import BATCHES_AT_A_CLUSTER, Desk
from harness.campaign.draw import SEEDS_A_BATCH, Draw
from harness.results import Execution
from harness.runner import Order
from harness.verdict import Ruling
from tests.harness import runs

ORDER = Order(scenario="s", system="a", world="simulated", seed=1)
FIRST_THAT_HOLDS = 8


class Backwards(Executor):
    """A thread that executes the newest first, so that batches end in another order than they began."""

    def __init__(self) -> None:
        self.most_seen = self.under_way = 0
        self.waiting: list[tuple[Future[Any], Any, Any]] = []
        self.more = threading.Condition()
        threading.Thread(target=self._work, daemon=True).start()

    def submit(self, work: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        with self.more:
            self.under_way += 1
            self.most_seen = max(self.most_seen, self.under_way)
            self.waiting.append((future, work, arguments))
            self.more.notify()
        return future

    def _work(self) -> None:
        while True:
            with self.more:
                self.more.wait_for(lambda: self.waiting)
                future, work, arguments = self.waiting.pop()
                self.under_way -= 1
            future.set_result(work(*arguments))


class Stuck(Executor):
    """Executes the first at once and nothing else."""

    def __init__(self) -> None:
        self.futures: list[Future[Any]] = []

    def submit(self, work: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if not self.futures:
            future.set_result(work(*arguments))
        self.futures.append(future)
        return future


def simulate(orders: tuple[Order, ...], *, keep_held: bool) -> list[Ended]:
    """Seeds below FIRST_THAT_HOLDS do not bite, 30 is violated; each history says its seed."""
    found = []
    for order in orders:
        misses = order.seed < FIRST_THAT_HOLDS
        ruling = Ruling.UNKNOWN if misses else Ruling.VIOLATED if order.seed == 30 else Ruling.HELD
        wished = keep_held if ruling is Ruling.HELD else not misses
        keep_held = keep_held and ruling is not Ruling.HELD
        one = runs.ruled(ruling, name="s", world="simulated", seed=order.seed, no_bite=misses)
        found.append(Ended(one, (f"seed {order.seed}",) if wished else ()))
    return found


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "simulate", simulate)


@pytest.mark.usefixtures("simulated")
def test_histories_of_what_did_not_hold_and_of_one_that_did_are_kept(tmp_path: Path) -> None:
    draw, seen = Draw(ORDER, wanted=40), list[int]()
    noted: list[tuple[int, ...]] = []

    def note(of: Draw, executions: Any) -> None:
        assert of is draw
        assert all((tmp_path / one.folder / HISTORY).is_file() for one in executions if one.folder), "noted before it was kept"
        noted.append(tuple(one.seed for one in executions))

    desk = Desk(folder=tmp_path, watch=lambda one: seen.append(one.seed), note=note)
    dispatch._Hands(Backwards(), desk, most=1).exhaust([draw])
    assert sorted(seen) == list(range(1, 48)) == sorted(seed for seeds in noted for seed in seeds), "seven did not bite"
    kept = {path.name: (path / HISTORY).read_text() for path in (tmp_path / "scenarios").iterdir()}
    assert kept == {"s-simulated-8": "seed 8\n", "s-simulated-30": "seed 30\n"}
    assert [(one.seed, one.folder) for one in draw.executions] == [
        (8, "scenarios/s-simulated-8"),
        (30, "scenarios/s-simulated-30"),
    ]
    assert (draw.row().held, draw.row().no_bite, draw.row().violated) == (39, 7, 1)


@pytest.mark.usefixtures("simulated")
@pytest.mark.parametrize("most", [1, 3])
def test_in_whatever_order_they_end_the_same_seeds_run_and_few_wait(tmp_path: Path, most: int) -> None:
    draw, executor = Draw(ORDER, wanted=2_000), Backwards()
    seen: list[Execution] = []
    dispatch._Hands(executor, Desk(folder=tmp_path, watch=seen.append), most=most).exhaust([draw])
    assert executor.most_seen <= most
    assert sorted(one.seed for one in seen) == list(range(1, 2_008))
    assert len(draw.executions) == 2, "the rest was counted and let go"
    assert sum(one.ruling is Ruling.HELD for one in draw.executions) == 1
    assert SEEDS_A_BATCH * BATCHES_AT_A_CLUSTER < 100_000, "else all of a large campaign is handed out at once"


@pytest.mark.usefixtures("simulated")
def test_what_waits_is_cancelled_when_somebody_stops_it(tmp_path: Path) -> None:
    executor, draw = Stuck(), Draw(ORDER, wanted=100)

    def stop(_: Execution) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dispatch._Hands(executor, Desk(folder=tmp_path, watch=stop), most=3).exhaust([draw])
    assert [future.cancelled() for future in executor.futures] == [False, True, True]
