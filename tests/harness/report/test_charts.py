"""Pictures are well-formed, nothing leaves the canvas, outcomes differ in shape, no history is too small or too large."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from harness.checkers.backlog import backlog
from harness.history import History
from harness.markup import panels
from harness.markup.svg import Linear, Logarithmic, pixels, round_step
from harness.report import charts, matrix, series
from harness.results import Campaign, Execution
from harness.verdict import Ruling
from tests.harness import runs, stories
from tests.harness.story import Story

SVG = "{http://www.w3.org/2000/svg}"


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)


def words(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def styles(root: ElementTree.Element) -> set[str]:
    return {element.get("class", "") for element in root.iter() if element.tag in (f"{SVG}path", f"{SVG}rect")}


def nothing() -> History:
    return Story(scenario="baseline").history


def one_event() -> History:
    return Story(scenario="baseline").kept("only", 0.01).history


def late_faults() -> History:
    story = Story().posted("a", 0).suffered("WorkerCrashes", 9.0, 12.0, "worker-0", "worker-1", evidence=None)
    return story.suffered("SendGridRateLimits", 9.5, 9.51, "sendgrid").quiet(12.5).history


HISTORIES = {
    "nothing": nothing,
    "one event": one_event,
    "a crash": stories.crash,
    "400 events": stories.busy,
    "late faults": late_faults,
}


@pytest.mark.parametrize("name", HISTORIES)
def test_every_history_has_a_time_line_inside_its_canvas(name: str) -> None:
    root = parsed(charts.timeline(HISTORIES[name]()))
    wide, high = float(root.get("width", 0)), float(root.get("height", 0))
    for box in root.iter(f"{SVG}rect"):
        if box.get("x"):
            assert 0 <= float(box.get("x", 0)) <= float(box.get("x", 0)) + float(box.get("width", 0)) <= wide
    for text in root.iter(f"{SVG}text"):
        assert 0 <= float(text.get("x", 0)) <= wide
        assert 0 <= float(text.get("y", 0)) <= high


def test_a_picture_stays_small() -> None:
    assert len(charts.timeline(stories.busy())) < 25_000


def test_a_storm_stays_small_too() -> None:
    assert len(charts.timeline(stories.busy(events=4000))) < 150_000


def test_equal_histories_give_equal_pictures() -> None:
    assert charts.timeline(stories.busy()) == charts.timeline(stories.busy())


def test_it_follows_the_colour_scheme_of_the_viewer() -> None:
    text = charts.timeline(stories.crash())
    assert "@media (prefers-color-scheme:dark)" in text
    assert '<rect class="paper"' in text, "its own paper: the viewer's scheme need not be the page's"


def test_outcomes_differ_in_shape() -> None:
    assert {"dot", "triangle", "cross"} <= styles(parsed(charts.timeline(stories.busy())))
    told = words(parsed(charts.timeline(stories.busy())))
    assert [word for word in told if re.match(r"(promised|refused|unknown) \(\d+\)", word)] == [
        "unknown (11)",
        "refused (19)",
        "promised (400)",
    ]


def test_faults_are_shaded_and_labelled_only_with_evidence() -> None:
    root = parsed(charts.timeline(late_faults()))
    assert "WorkerCrashes worker-0, worker-1, 9.0–12.0 s, no evidence" in words(root)
    assert "SendGridRateLimits sendgrid, at 9.5 s" in words(root)
    assert [element.get("class") for element in root.iter(f"{SVG}rect")].count("window") == 3, "one fault, three panels"
    assert "toothless" in styles(root)


def test_fault_labels_do_not_overlap() -> None:
    story = Story()
    for number in range(6):
        story.suffered(f"Fault{number}", number * 1.0, number + 0.5, "worker-0", "worker-1")
    story.quiet(20)
    lanes = charts._lanes(story.history.entries[:6], Linear(0, 20, panels.LEFT, panels.RIGHT))  # type: ignore[arg-type]
    for lane in lanes:
        assert all(before.right < after.left for before, after in pairwise(lane))


def test_what_is_missing_is_said() -> None:
    told = words(parsed(charts.timeline(nothing())))
    assert {"no faults", "nothing was posted", "nothing was promised", "SendGrid was never called"} <= set(told)
    assert not any(word.startswith("limit") for word in told), "latency was not judged"


@pytest.mark.parametrize(("limits", "expected"), [({}, "limit 50 ms"), ({"ingest_p95_ms": 20.0}, "limit 20 ms")])
def test_the_limit_is_the_one_that_was_judged(limits: dict[str, float], expected: str) -> None:
    story = stories.real_run(limits=limits).posted("a", 0)
    assert expected in words(parsed(charts.timeline(story.history)))


def test_the_backlog_keeps_what_is_lost() -> None:
    assert backlog(stories.crash())[-1][1] == 1
    assert backlog(stories.crash(lose=()))[-1][1] == 0
    assert "1 never finished" in words(parsed(charts.timeline(stories.crash())))


def test_the_backlog_ends_when_the_mail_is_taken_or_the_event_failed() -> None:
    story = Story().posted("mailed late", 0, took_s=0.0).stored("mailed late", 1)
    story.mailed("mailed late", 2, http_status=503).mailed("mailed late", 5)
    story.posted("failed", 0, took_s=0.0).read("failed", 7, "failed").quiet(9)
    assert backlog(story.history) == [(0, 1), (0, 2), (5.1, 1), (7.01, 0)]


def test_a_system_whose_mails_nobody_sees_is_finished_when_stored() -> None:
    story = Story(offers=("rows",)).posted("a", 0, took_s=0.0).stored("a", 1).row("a")
    assert backlog(story.history) == [(0, 1), (1, 0)]


def test_calls_are_counted_once() -> None:
    story = Story().mailed("a", 0.1).mailed("a", 0.2, reply_lost=True)
    story.mailed("a", 0.3, http_status=429).mailed("a", 3.1, http_status=400)
    slices = series.calls_over_time(story.history, slice_s=1.0)
    assert [(part.begin_s, part.taken, part.replies_lost, part.refused) for part in slices] == [(0, 1, 1, 1), (3, 0, 0, 1)]


def test_scales_and_numbers() -> None:
    assert Linear(0, 10, 100, 200)(5) == 150
    assert Linear(3, 3, 100, 200)(3) == 100, "a scale of no width"
    assert Linear(0, 20, 0, 1).ticks(10) == [2 * number for number in range(11)]
    assert Logarithmic(1, 100, 0, 10)(0.001) == 0
    assert Logarithmic(1, 100, 0, 10).ticks() == [1, 10, 100]
    assert [pixels(value) for value in (1.0, 1.25, -0.04, 843.96)] == ["1", "1.2", "0", "844"]
    assert [round_step(value) for value in (0.013, 0.3, 1, 7, 0)] == [0.02, 0.5, 1, 10, 1]


def test_the_matrix_tells_rulings_in_words() -> None:
    rows: list[Execution | Campaign] = [
        runs.ruled(Ruling.HELD, name="baseline"),
        runs.ruled(Ruling.VIOLATED, name="baseline", seed=2),
        Campaign(name="baseline", world="simulated", system="a", held=1234),
        runs.ruled(Ruling.NOT_APPLICABLE, name="deploy"),
    ]
    told = words(parsed(matrix.matrix(rows)))
    assert told == ["simulated", "real", "baseline", "✓ held, 1,234 seeds", "✗ violated, 2 seeds", "deploy", "– not applicable"]
    assert "simulated, a" not in told
    several = matrix.matrix([*rows, runs.ruled(Ruling.HELD, name="deploy", system="b")])
    assert {"real, a", "real, b", "simulated, a"} <= set(words(parsed(several)))


def test_a_matrix_of_nothing_is_a_picture() -> None:
    parsed(matrix.matrix([]))
