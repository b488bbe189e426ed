"""One acceptance, honest duplicates, refused contradictions: histories that hold, break and are empty."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checkers import a_changed_payload_is_refused, duplicates_point_to_their_event, one_acceptance_per_pair
from harness.faults import RedisCrashes, RedisEvicts
from harness.verdict import Ruling
from tests.harness.story import PROBLEM, Story, of, plan, said


def test_one_acceptance_and_then_duplicates_holds() -> None:
    story = Story().posted("a", 1).posted("a", 2, "duplicate").posted("a", 3, "duplicate").posted("b", 1)
    verdict = story.judged_by(one_acceptance_per_pair)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 2), said(verdict)


@pytest.mark.parametrize("answers", [("accepted", "accepted"), ("processed", "processed"), ("accepted", "processed")])
def test_two_acceptances_that_reached_clients_are_violated(answers: tuple[str, str]) -> None:
    verdict = Story().posted("a", 1, answers[0]).posted("a", 1, answers[1], process="").judged_by(one_acceptance_per_pair)
    assert said(verdict) == (
        f"violated; a of a5 was accepted 2 times: {answers[0]} at 1.010 s by api-0, {answers[1]} at 1.010 s by the API; "
        "expected one and then duplicate; "
    )


def test_an_acceptance_nobody_received_does_not_count() -> None:
    story = Story().posted("a", 1, outcome="unknown").posted("a", 2)
    assert story.judged_by(one_acceptance_per_pair).ruling is Ruling.HELD


def test_lookalikes_are_different_events() -> None:
    story = Story().posted("c", 1, pair=("a:b", "c")).posted("b:c", 1, pair=("a", "b:c"))
    assert story.judged_by(one_acceptance_per_pair).checked == 2


def test_one_acceptance_abstains_when_nothing_was_accepted() -> None:
    assert Story().refused("a", 1).judged_by(one_acceptance_per_pair).ruling is Ruling.UNKNOWN


def test_duplicates_of_taken_events_hold() -> None:
    story = Story().posted("a", 1).posted("a", 2, "duplicate").unanswered("b", 1).posted("b", 2, "duplicate")
    verdict = story.judged_by(duplicates_point_to_their_event)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 3), said(verdict)


def test_a_duplicate_may_overlap_the_post_it_points_to_but_not_precede_it() -> None:
    overlapping = Story().posted("a", 1.0, "duplicate", took_s=0.02).posted("a", 1.019)
    assert overlapping.judged_by(duplicates_point_to_their_event).ruling is Ruling.HELD
    touching = Story().posted("a", 1.0, "duplicate", end_s=1.5).posted("a", 1.5).quiet()
    assert touching.judged_by(duplicates_point_to_their_event).ruling is Ruling.VIOLATED


@pytest.mark.parametrize("http_status", [400, 422, 429, 503, None])
def test_a_duplicate_of_nothing_but_refusals_is_a_lie(http_status: int | None) -> None:
    story = Story().refused("a", 1, http_status).posted("a", 2, "duplicate").quiet()
    verdict = story.judged_by(duplicates_point_to_their_event)
    assert said(verdict) == "violated; a of a5 was answered duplicate at 2.010 s, but nothing posted before can have been taken; "


def test_a_first_post_answered_duplicate_is_a_lie_and_so_are_two_that_point_at_each_other() -> None:
    assert len(Story().posted("a", 1, "duplicate").quiet().judged_by(duplicates_point_to_their_event).violations) == 1
    mutual = Story().posted("a", 1, "duplicate").posted("a", 1, "duplicate").quiet()
    assert len(mutual.judged_by(duplicates_point_to_their_event).violations) == 2


def test_the_acceptance_a_duplicate_points_to_may_have_been_under_way_at_the_cut() -> None:
    story = Story().posted("b", 1).posted("a", 1, "duplicate")
    assert said(story.judged_by(duplicates_point_to_their_event)) == (
        "unknown; 1 duplicates were answered before the history shows an acceptance"
    )
    lie = story.posted("c", 1).posted("c", 2, "duplicate", original_id="d").judged_by(duplicates_point_to_their_event)
    assert [violation.pair.id for violation in lie.violations if violation.pair] == ["c"]


@pytest.mark.parametrize("http_status", [500, 502, 504, 202])
def test_an_unknown_answer_may_have_taken_the_event(http_status: int) -> None:
    story = Story().unanswered("a", 1, http_status=http_status).posted("a", 2, "duplicate")
    assert story.judged_by(duplicates_point_to_their_event).ruling is Ruling.HELD


@pytest.mark.parametrize(
    "wrong", [{"original_id": "b"}, {"original_id": None}, {"current_status": None}, {"current_status": "done"}]
)
def test_a_duplicate_names_its_event_and_a_valid_status(wrong: dict[str, Any]) -> None:
    verdict = Story().posted("a", 1).posted("a", 2, "duplicate", **wrong).judged_by(duplicates_point_to_their_event)
    name, value = next(iter(wrong.items()))
    assert f"its {name} is {value!r}, expected" in said(verdict)


@pytest.mark.parametrize("status", ["pending", "processing", "completed", "failed"])
def test_every_status_of_the_contract_is_valid_in_a_duplicate(status: str) -> None:
    story = Story().posted("a", 1).posted("a", 2, "duplicate", current_status=status)
    assert story.judged_by(duplicates_point_to_their_event).ruling is Ruling.HELD


def test_an_identical_repetition_must_not_be_refused_for_good() -> None:
    verdict = Story().posted("a", 1).refused("a", 1.01, 409).judged_by(duplicates_point_to_their_event)
    assert "a of a5 was posted again unchanged and answered 409; expected 200 duplicate" in said(verdict)


@pytest.mark.parametrize(
    "story",
    [
        Story().posted("a", 1).refused("a", 2, 503),
        Story().posted("a", 1).refused("a", 2, 429),
        Story().posted("a", 1).refused("a", 2, None),
        Story().posted("a", 1).unanswered("a", 2),
        Story().posted("a", 1).refused("a", 2, 422, payload="another"),
        Story().posted("a", 1).refused("a", 1.005, 409),
    ],
)
def test_a_repetition_may_be_put_off_and_a_contradiction_or_a_race_refused(story: Story) -> None:
    assert story.judged_by(duplicates_point_to_their_event).ruling is Ruling.HELD


def test_duplicates_abstain_when_nothing_was_accepted() -> None:
    assert Story().refused("a", 1).judged_by(duplicates_point_to_their_event).ruling is Ruling.UNKNOWN


def test_a_contradiction_refused_with_422_holds() -> None:
    verdict = Story().posted("a", 1).refused("a", 2, 422, payload="q").judged_by(a_changed_payload_is_refused)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 1)


@pytest.mark.parametrize(
    ("answer", "told"), [("duplicate", "200 duplicate"), ("accepted", "202 accepted"), ("processed", "200 processed")]
)
def test_a_contradiction_that_is_taken_is_violated(answer: str, told: str) -> None:
    verdict = Story().posted("a", 1).posted("a", 2, answer, payload="q").judged_by(a_changed_payload_is_refused)
    assert said(verdict) == f"violated; a of a5 was posted with another payload and answered {told}; expected 422; "


def test_a_contradiction_refused_with_another_status_is_violated() -> None:
    verdict = Story().posted("a", 1).refused("a", 2, 409, payload="q").judged_by(a_changed_payload_is_refused)
    assert "answered 409; expected 422" in said(verdict)


def test_a_contradiction_counts_from_the_moment_of_the_promise() -> None:
    at_once = Story().posted("a", 1, end_s=1.5).posted("a", 1.5, "duplicate", payload="q")
    assert at_once.judged_by(a_changed_payload_is_refused).ruling is Ruling.VIOLATED
    refused = Story().posted("a", 1, end_s=1.5).refused("a", 1.5, 409, payload="q", content_type=PROBLEM)
    assert refused.judged_by(a_changed_payload_is_refused).ruling is Ruling.VIOLATED
    before = Story().posted("a", 1, end_s=1.5).refused("a", 1.499, 422, payload="q", content_type=PROBLEM)
    assert before.judged_by(a_changed_payload_is_refused).ruling is Ruling.NOT_APPLICABLE


def test_two_payloads_promised_at_the_same_moment_are_one_too_many() -> None:
    both = Story().posted("a", 1, end_s=1.5).posted("a", 1.1, "duplicate", payload="q", end_s=1.6)
    assert both.judged_by(a_changed_payload_is_refused).ruling is Ruling.VIOLATED
    one = Story().posted("a", 1, end_s=1.5).posted("a", 1.1, "duplicate", end_s=1.6)
    assert one.judged_by(a_changed_payload_is_refused).ruling is Ruling.NOT_APPLICABLE


def test_a_contradiction_without_a_definite_answer_decides_nothing() -> None:
    put_off = {"content_type": PROBLEM, "payload": "q"}
    story = Story().posted("a", 1).unanswered("a", 2, payload="q").refused("a", 3, 503, **put_off).refused("a", 4, 429, **put_off)
    assert story.refused("a", 5, None, payload="q").judged_by(a_changed_payload_is_refused).ruling is Ruling.UNKNOWN
    assert story.refused("a", 6, 422, **put_off).judged_by(a_changed_payload_is_refused).checked == 1


def test_without_a_contradiction_there_is_nothing_to_refuse() -> None:
    for story in (
        Story(),
        Story().posted("a", 1).posted("a", 2, "duplicate"),
        Story().refused("a", 1).refused("a", 2, 422, payload="q"),
    ):
        assert story.judged_by(a_changed_payload_is_refused).ruling is Ruling.NOT_APPLICABLE


def test_an_event_may_be_taken_anew_once_only_after_the_loss_that_made_it_forgotten() -> None:
    story = Story(plan=plan(RedisCrashes(loss="empty"))).suffered("RedisCrashes", 5, 15, "redis").posted("a", 1)
    assert story.posted("a", 15.001).quiet().judged_by(one_acceptance_per_pair).ruling is Ruling.HELD
    assert len(story.posted("a", 15.0).judged_by(one_acceptance_per_pair).violations) == 1, "it was not over yet"
    assert len(story.posted("a", 16).judged_by(one_acceptance_per_pair).violations) == 2, "once"


def test_while_keys_are_evicted_an_event_may_be_taken_anew_at_once() -> None:
    story = Story(plan=plan(RedisEvicts())).suffered("RedisEvicts", 5, 15, "redis").posted("a", 1).posted("a", 7)
    assert story.posted("a", 16).quiet().judged_by(one_acceptance_per_pair).ruling is Ruling.HELD
    assert len(story.posted("a", 17).judged_by(one_acceptance_per_pair).violations) == 1


def test_a_duplicate_of_nothing_and_one_that_misstates_its_event_are_two_lies() -> None:
    story = Story().posted("a", 1).posted("a", 2, "duplicate", original_id="b").posted("c", 3, "duplicate").quiet()
    verdict = story.judged_by(duplicates_point_to_their_event)
    assert [violation.pair for violation in verdict.violations] == [of("a"), of("c")]


def test_the_statuses_a_duplicate_may_tell_are_listed() -> None:
    verdict = Story().posted("a", 1).posted("a", 2, "duplicate", current_status="done").judged_by(duplicates_point_to_their_event)
    assert said(verdict) == (
        "violated; a of a5 was answered duplicate at 2.010 s, "
        "but its current_status is 'done', expected one of pending, processing, completed, failed; "
    )


def test_what_was_looked_at_is_counted_where_a_cut_leaves_it_undecided() -> None:
    assert Story().posted("b", 1).posted("a", 1, "duplicate").judged_by(duplicates_point_to_their_event).checked == 2


def test_why_nothing_is_told_of_idempotency() -> None:
    story = Story().posted("a", 1).unanswered("a", 2, payload="q")
    assert said(story.judged_by(a_changed_payload_is_refused)) == "unknown; no post with another payload got a definite answer"
    for checker in (one_acceptance_per_pair, duplicates_point_to_their_event):
        assert said(Story().judged_by(checker)) == "unknown; no event was accepted"


@pytest.mark.parametrize(("hours", "ruling"), [(0.001, Ruling.HELD), (0.01, Ruling.VIOLATED), (None, Ruling.VIOLATED)])
def test_what_is_older_than_the_claimed_window_may_be_accepted_anew(hours: float | None, ruling: Ruling) -> None:
    story = Story(claims={"dedupe_window_hours": hours}).posted("a", 1).posted("a", 10).quiet()
    assert story.judged_by(one_acceptance_per_pair).ruling is ruling


@pytest.mark.parametrize(("begin_s", "ruling"), [(4.61, Ruling.VIOLATED), (4.611, Ruling.HELD)])
def test_the_claimed_window_counts_from_the_answer_that_accepted(begin_s: float, ruling: Ruling) -> None:
    """0.001 hours are 3.6 s, and the answer came at 1.01 s."""
    story = Story(claims={"dedupe_window_hours": 0.001}).posted("a", 1).posted("a", begin_s)
    assert story.judged_by(one_acceptance_per_pair).ruling is ruling


def test_what_was_accepted_anew_after_the_window_is_accepted_once_again() -> None:
    story = Story(claims={"dedupe_window_hours": 0.001}).posted("a", 1).posted("a", 10)
    assert story.judged_by(one_acceptance_per_pair).checked == 1
    verdict = story.posted("a", 11).posted("a", 20).judged_by(one_acceptance_per_pair)
    assert [violation.what for violation in verdict.violations] == [
        "a of a5 was accepted 2 times: accepted at 10.010 s by api-0, accepted at 11.010 s by api-0; "
        "expected one and then duplicate"
    ]
