"""How promises stand while a run goes on: nothing is lost before it is at rest, and what is broken is broken."""

from __future__ import annotations

import pytest

from harness.checkers import the_contract
from harness.live.standing import standing_of
from tests.harness.story import Story

MUST_HOLD = tuple(checker.to_data() for checker in the_contract if checker.name != "a_promise_is_readable_at_once")


def story() -> Story:
    return Story(must_hold=MUST_HOLD)


def test_what_is_missing_under_load_is_not_lost() -> None:
    history = story().posted("a", 1).stored("a", 1.5).posted("b", 2).history
    standing = standing_of(history, at_s=2.5, phase="under load")
    assert standing.counts | {"accepted": 2, "stored": 1, "mailed": 0, "lost": None, "backlog": 2} == standing.counts
    assert standing.ruling == "unknown"
    assert "world_came_to_rest" not in {verdict.checker for verdict in standing.verdicts}


def test_what_is_broken_is_broken_at_once() -> None:
    history = story().posted("a", 1).posted("a", 2).history
    standing = standing_of(history, at_s=3.0, phase="under load")
    assert standing.ruling == "violated"
    assert [one.checker for one in standing.verdicts if one.ruling == "violated"] == ["one_acceptance_per_pair"]
    assert standing.to_json()["ruling"] == "violated"


def test_at_rest_what_is_missing_is_lost() -> None:
    history = story().posted("a", 1).quiet().history
    standing = standing_of(history, at_s=30.0, phase="at rest")
    assert standing.counts["lost"] == 1
    assert standing.ruling == "violated"
    assert "world_came_to_rest" in {verdict.checker for verdict in standing.verdicts}


def test_nothing_sent_yet_is_unknown() -> None:
    standing = standing_of(story().history, at_s=0.0, phase="nothing sent yet")
    assert standing.ruling == "unknown"
    assert standing.counts["backlog"] == standing.counts["accepted"] == 0


@pytest.mark.parametrize(
    ("calls", "told"),
    [
        ([], "nothing is sent: 0 calls in the last 10 s, 20 mails due"),
        ([("e0", 95.0, 202)], "mails go through: 1 call in the last 10 s, 19 mails due"),
        ([("e0", 95.0, 503), ("e1", 96.0, 503)], "held back (breaker open): 2 calls in the last 10 s, 20 mails due"),
        ([(f"e{n}", 95.0, 503) for n in range(15)], "calls fail (breaker closed): 15 calls in the last 10 s, 20 mails due"),
        ([(f"e{n}", 50.0, 503) for n in range(15)], "nothing is sent: 0 calls in the last 10 s, 20 mails due"),
    ],
)
def test_the_breaker_as_the_provider_sees_it(calls: list[tuple[str, float, int]], told: str) -> None:
    history = story()
    for number in range(20):
        history.posted(f"e{number}", 1.0)
    for name, at_s, status in calls:
        history.mailed(name, at_s, http_status=status, taken=status == 202)
    assert standing_of(history.history, at_s=100.0, phase="under load").provider == told


def test_without_a_claim_there_is_no_breaker_to_tell_of() -> None:
    history = (
        Story(must_hold=MUST_HOLD, claims={"longest_pause_seconds": 20.0, "breaker_reset_seconds": None}).posted("a", 1).history
    )
    assert standing_of(history, at_s=2.0, phase="under load").provider == "no breaker is claimed; 1 mail due"
