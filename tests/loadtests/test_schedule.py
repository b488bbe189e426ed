"""When requests are due: as many as the rate says, in windows and shapes, the same for the same seed."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator
from itertools import takewhile
from random import Random

import pytest

from loadtests.schedule import Shape, Stream, Window


def before(end_s: float, times: Iterator[float]) -> list[float]:
    return list(takewhile(lambda at: at < end_s, times))


def test_constant_arrivals_are_evenly_spaced() -> None:
    times = before(10, Stream(200, "constant").times(Random(1)))
    gaps = [second - first for first, second in itertools.pairwise(times)]
    assert len(times) == 2000
    assert max(gaps) - min(gaps) < 1e-9


def test_constant_streams_do_not_march_in_step() -> None:
    firsts = {next(Stream(50, "constant").times(Random(seed))) for seed in range(20)}
    assert len(firsts) == 20
    assert max(firsts) < 1 / 50


def test_poisson_gaps_are_exponential() -> None:
    times = before(200, Stream(50, "poisson").times(Random(1)))
    gaps = [second - first for first, second in itertools.pairwise(times)]
    assert len(times) == pytest.approx(10_000, rel=0.04)  # four standard deviations
    assert statistics.stdev(gaps) == pytest.approx(statistics.mean(gaps), rel=0.05)


def test_a_seed_gives_the_same_times() -> None:
    first, second = (before(5, Stream(100).times(Random(7))) for _ in range(2))
    assert first == second != before(5, Stream(100).times(Random(8)))


@pytest.mark.parametrize("arrivals", ["constant", "poisson"])
def test_shapes_multiply_the_rate(arrivals: str) -> None:
    def counts(shape: str, *edges: float) -> list[int]:
        stream = Stream(100, arrivals, Shape.parse(shape))  # type: ignore[arg-type]
        times = before(edges[-1], stream.times(Random(1)))
        return [sum(begin <= at < end for at in times) for begin, end in itertools.pairwise(edges)]

    slack = 1 if arrivals == "constant" else 200
    assert counts("steps:1x10,2x10,0.5x10", 0, 10, 20, 40) == pytest.approx([1000, 2000, 1000], abs=slack)
    assert counts("spike:5@20+10", 0, 20, 30, 40) == pytest.approx([2000, 5000, 1000], abs=slack)
    assert counts("steps:1x10,0x10,1x1", 0, 10, 20, 30) == pytest.approx([1000, 0, 1000], abs=slack)
    assert counts("steps:1x10,0x10", 0, 10, 20) == pytest.approx([1000, 0], abs=slack)  # and then it ends


def test_two_windows_take_turns() -> None:
    first = before(40, Stream(50, window=Window.parse("0/9/20")).times(Random(1)))
    second = before(40, Stream(50, window=Window.parse("10/9/20")).times(Random(1)))
    assert {int(at) for at in first} == {*range(9), *range(20, 29)}
    assert {int(at) for at in second} == {*range(10, 19), *range(30, 39)}


@pytest.mark.parametrize("text", ["", "0/1", "0/0/1", "0/2/1", "-1/1/2", "a/b/c", "0/1/inf", "nan/1/2"])
def test_a_wrong_window_is_explained(text: str) -> None:
    with pytest.raises(ValueError, match="OFFSET/LENGTH/PERIOD"):
        Window.parse(text)


@pytest.mark.parametrize("text", ["", "round", "steps:", "steps:1", "steps:-1x5", "steps:1x0", "spike:5", "spike:5@1", "flat:1"])
def test_a_wrong_shape_is_explained(text: str) -> None:
    with pytest.raises(ValueError, match="write flat"):
        Shape.parse(text)


def test_no_rate_is_no_arrivals() -> None:
    assert list(Stream(0).times(Random(1))) == []
