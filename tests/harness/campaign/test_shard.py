"""Shards are disjoint and together everything; rows of several parts add up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.campaign.draw import Draw
from harness.campaign.shard import Shard, row_of, summed
from harness.results import Campaign
from harness.runner import Order
from harness.verdict import Ruling
from tests.harness import runs

ORDER = Order(scenario="s", system="a", world="simulated", seed=7)


def drawn(draw: Draw, *, missing: int = 0) -> list[int]:
    """Every seed a draw hands out if so many, the first ones, do not bite."""
    seeds: list[int] = []
    while orders := next(draw.batches(), ()):
        for order in orders:
            misses = len(seeds) < missing
            seeds.append(order.seed)
            draw.take(runs.ruled(Ruling.UNKNOWN if misses else Ruling.HELD, world="simulated", seed=order.seed, no_bite=misses))
    return seeds


@given(seeds=st.integers(1, 60), of=st.integers(1, 9))
def test_shards_are_disjoint_and_together_everything(seeds: int, of: int) -> None:
    parts = [drawn(Draw.of_shard(ORDER, seeds=seeds, shard=Shard(number, of))) for number in range(1, of + 1)]
    assert sorted(seed for part in parts for seed in part) == list(range(7, 7 + seeds))


def test_what_is_drawn_again_collides_with_no_other_shard() -> None:
    parts = [drawn(Draw.of_shard(ORDER, seeds=9, shard=Shard(number, 3)), missing=2) for number in (1, 2, 3)]
    assert [len(part) for part in parts] == [5, 5, 5]
    assert len({seed for part in parts for seed in part}) == 15


def test_a_shard_of_one_seed_is_a_campaign_all_the_same() -> None:
    draw = Draw.of_shard(ORDER, seeds=2, shard=Shard(2, 2))
    assert drawn(draw) == [8]
    row = draw.row(sources="x")
    assert (row.wanted, row.first_seed, row.seeds, row.shard, row.sources) == (1, 7, 2, "2/2", "x")
    assert row.repeat.endswith("--seed 7 --seeds 2 --shard 2/2")


@pytest.mark.parametrize("text", ["0/8", "9/8", "3", "3/0", "a/b", "-1/8", "3/8/9"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="such as 3/8"):
        Shard.parse(text)
    assert str(Shard.parse("3/8")) == "3/8"


def test_of_many_seeds_only_what_proves_something_is_kept_in_memory() -> None:
    draw = Draw(ORDER, wanted=50)
    drawn(draw, missing=3)
    assert (draw.ended, draw.executions) == (53, [])
    draw.take(runs.ruled(Ruling.VIOLATED, world="simulated", seed=99))
    draw.take(runs.ruled(Ruling.HELD, world="simulated", seed=100, folder="scenarios/x"))
    assert [one.seed for one in draw.executions] == [99, 100]
    row = draw.row()
    assert (row.held, row.no_bite, row.violated, row.drawn) == (51, 3, 1, 55)


def test_rows_add_up_and_what_one_does_not_know_nobody_knows() -> None:
    one = Campaign(name="s", world="real", system="a", held=2, wanted=2, counts={"accepted": 40, "lost": 0}, cpu_s=1.5)
    other = Campaign(name="s", world="real", system="a", unknown=1, no_bite=1, wanted=1, counts={"accepted": 20, "lost": None})
    none = Campaign(name="s", world="real", system="a")
    row = summed([none, one, other])
    assert row is not None
    assert (row.held, row.unknown, row.no_bite, row.wanted, row.cpu_s) == (2, 1, 1, 3, 1.5)
    assert row.counts == {"accepted": 60, "lost": None}
    assert summed([]) is None


def test_the_row_of_executions_is_the_same_one_by_one() -> None:
    executions = [runs.ruled(ruling, seed=seed, counts={"lost": seed}, cpu_s=0.5) for seed, ruling in enumerate(Ruling)]
    row = row_of(executions)
    assert row is not None
    together = Campaign.of(executions)
    assert (row.held, row.violated, row.unknown, row.counts, row.cpu_s) == (
        together.held,
        together.violated,
        together.unknown,
        together.counts,
        together.cpu_s,
    )
