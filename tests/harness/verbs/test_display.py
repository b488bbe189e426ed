"""What the terminal shows: names are whole however narrow it is, violated comes first, an unknown says at once why."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from harness.archive import RunFolder
from harness.results import Campaign, Counts, Execution
from harness.verbs import display
from harness.verdict import Ruling, Verdict, Violation
from tests.harness import runs

NAMES = ("sendgrid_outage", "sendgrid_outage_with_redis_crash", "sendgrid_rate_limit", "sendgrid_reply_lost")
COUNTS: Counts = {"accepted": 1400, "stored": 1400, "mailed": 1400, "failed": 0, "mailed_twice": 3, "lost": 2}


def execution(name: str = "s", *, ruling: Ruling = Ruling.HELD, world: str = "real", reason: str = "") -> Execution:
    broken = Verdict(ruling=ruling, checker="c", claim="Kept.", reason=reason, violations=(Violation("evt_1 is lost"),))
    verdicts = (broken,) if ruling is Ruling.VIOLATED else ()
    return runs.ruled(ruling, name=name, world=world, counts=COUNTS, verdicts=verdicts, reason=reason, wall_s=52)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is printed, on a terminal nobody watches."""
    text = io.StringIO()
    for name in ("console", "problems"):
        monkeypatch.setattr(display, name, Console(file=text, width=80, highlight=False, soft_wrap=True))
    return text


@pytest.mark.parametrize("width", [40, 80, 100, 120, 160])
def test_a_name_is_never_cut(shown: io.StringIO, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr(display, "console", Console(file=shown, width=width, highlight=False, soft_wrap=True))
    rows = [execution(name, ruling=Ruling.UNKNOWN, reason="a bare stub beside the service was slow too " * 3) for name in NAMES]
    display.show_executions([*rows, Campaign(name="baseline", world="simulated", system="a", held=10, counts=COUNTS)])
    words = shown.getvalue().split()
    assert all(words.count(name) == 1 for name in NAMES)
    assert words.count("1400") == 15
    if width >= 80:
        assert max(map(len, shown.getvalue().splitlines())) <= width


def test_a_row_says_how_many_failed_and_what_was_found(shown: io.StringIO) -> None:
    display.show_executions([execution(ruling=Ruling.VIOLATED)])
    assert shown.getvalue().splitlines() == [
        "violated s (real)",
        "    1400 accepted, 1400 stored, 1400 mailed, 0 failed, 3 twice, 2 lost",
        "    evt_1 is lost",
    ]


def test_violated_verdicts_come_before_unknown_ones(shown: io.StringIO, tmp_path: Path) -> None:
    verdicts = [
        Verdict(ruling=Ruling.UNKNOWN, checker="noise", claim="Noise.", reason="too few"),
        Verdict(ruling=Ruling.VIOLATED, checker="loss", claim="Loss.", violations=(Violation("evt_1 is lost"),)),
    ]
    display.show_findings(runs.ruled(Ruling.VIOLATED, verdicts=tuple(verdicts)), RunFolder(tmp_path))
    assert shown.getvalue().index("violated loss") < shown.getvalue().index("unknown noise")


def test_an_execution_is_told_as_it_ends_with_the_reason(shown: io.StringIO) -> None:
    with display.progress(4, display.news_of) as watch:
        watch(execution("quiet", world="simulated"))
        watch(execution("redis_restart"))
        watch(execution("baseline", ruling=Ruling.UNKNOWN, reason="[69] samples, at least 100 are needed"))
        watch(execution("deploy", ruling=Ruling.VIOLATED, world="simulated"))
    assert shown.getvalue().splitlines() == [
        "held redis_restart (real, seed 1, 52 s)",
        "unknown baseline (real, seed 1, 52 s): [69] samples, at least 100 are needed",
        "violated deploy (simulated, seed 1, 52 s): evt_1 is lost",
    ]
