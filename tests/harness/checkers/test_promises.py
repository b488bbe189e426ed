"""What the checkers mean by their words, at the edges: refusals, the provider's refusals for good, starts, windows."""

from __future__ import annotations

import pytest

from harness.checkers.promises import (
    due_mails,
    excused,
    fault_windows,
    first_stored_s,
    is_acceptance,
    is_refusal_for_good,
    is_refused,
    is_refused_for_good,
    is_unknown,
    last_fault_end_s,
    mails_taken,
    planned_fault,
    refused_for_good_s,
    role_of,
    setting,
    sightings,
    starts,
    why_no_mail_is_told_apart,
    working_roles,
)
from harness.faults import FlagFlips, RedisCrashes, SendGridAnswers, SendGridRejects
from harness.history import Call, Post, Suffered
from tests.harness.story import Story, of, plan


@pytest.mark.parametrize(
    ("http_status", "refused", "for_good"),
    [
        (399, False, False),
        (400, True, True),
        (429, True, False),
        (499, True, True),
        (500, False, False),
        (502, False, False),
        (503, True, False),
        (504, False, False),
    ],
)
def test_a_4xx_and_a_503_certainly_took_nothing_and_other_answers_are_unknown(
    http_status: int, refused: bool, for_good: bool
) -> None:
    [post] = Story().refused("a", 1, http_status).history.of(Post)
    assert (is_refused(post), is_unknown(post), is_refused_for_good(post)) == (refused, not refused, for_good)
    assert not is_acceptance(post)


def test_a_connection_that_was_refused_took_nothing_and_one_that_was_cut_nobody_knows() -> None:
    refused, cut = Story().refused("a", 1, None).unanswered("a", 2).history.of(Post)
    assert (is_refused(refused), is_refused(cut)) == (True, False)
    assert (is_unknown(refused), is_unknown(cut)) == (False, True)
    assert not is_refused_for_good(refused)


@pytest.mark.parametrize(
    ("http_status", "for_good"),
    [
        *((status, False) for status in (399, 401, 403, 408, 425, 429, 500, 501)),
        *((status, True) for status in (400, 402, 404, 407, 409, 413, 424, 426, 428, 430, 499)),
    ],
)
def test_a_permanent_4xx_is_about_the_mail_and_a_5xx_never_is(http_status: int, for_good: bool) -> None:
    [call] = Story().mailed("a", 1, http_status=http_status).history.of(Call)
    assert is_refusal_for_good(call) == for_good


def test_the_first_refusal_for_good_counts_whatever_came_after_or_was_recorded_before() -> None:
    story = Story(plan=plan(SendGridAnswers(status=400))).suffered("SendGridAnswers", 5, 15)
    for name, at_s in (("a", 7), ("a", 6), ("b", 5), ("a", 8)):
        story.mailed(name, at_s, http_status=400)
    story.mailed(None, 5, http_status=400).mailed("c", 6, http_status=503).mailed("d", 6, http_status=413)
    assert refused_for_good_s(story.history) == {of("a"): 6, of("b"): 5}


@pytest.mark.parametrize(
    ("call_s", "http_status", "justified"), [(5, 400, True), (15, 400, True), (16, 400, False), (6, 413, False)]
)
def test_an_address_the_provider_rejects_is_refused_with_400_while_that_fault_lasts(
    call_s: float, http_status: int, justified: bool
) -> None:
    story = Story(plan=plan(SendGridRejects())).suffered("SendGridRejects", 5, 15).posted("a", 1)
    story.mailed("a", call_s, http_status=http_status).read("a", 20, "failed").quiet()
    assert set(refused_for_good_s(story.history)) == ({of("a")} if justified else set())
    assert excused(story.history) == ({of("a")} if justified else set())


def test_of_a_fault_the_plan_does_not_know_nothing_is_known() -> None:
    story = Story(plan=plan(RedisCrashes())).suffered("SendGridAnswers", 5, 15, index=1)
    story.mailed("a", 6, http_status=400).quiet()
    [fault] = story.history.of(Suffered)
    assert planned_fault(story.history, fault) == {}
    assert setting({}, "status") is None
    assert refused_for_good_s(story.history) == {}
    [window] = fault_windows(story.history)
    assert (window.begin_s, window.end_s, window.planned) == (5, 15, {})


def test_mails_of_which_none_names_an_event_are_told_with_the_first_reason_there_is() -> None:
    story = Story().mailed(None, 1)
    assert why_no_mail_is_told_apart(story.history) == ""
    plain = "mail_source and mail_id of [observe] name no event in any of 2 mails"
    assert why_no_mail_is_told_apart(story.mailed(None, 2).history) == plain
    story.mailed(None, 3, unnamed="x").mailed(None, 4, unnamed="y")
    assert why_no_mail_is_told_apart(story.history) == f"{plain.replace('2 mails', '4 mails')}: x"
    assert why_no_mail_is_told_apart(story.mailed("a", 5).history) == ""


@pytest.mark.parametrize(("at_s", "count"), [(4.999, 0), (5.0, 1), (15.0, 1), (15.001, 0)])
def test_a_start_counts_from_the_first_to_the_last_moment_of_a_stretch(at_s: float, count: int) -> None:
    history = Story().process("worker-1", "started", at_s).process("worker-1", "killed", 6).process("api-1", "started", 7).history
    for process in ("worker-1", "worker"):
        assert starts(history, process, after_s=5.0, until_s=15.0) == count
    assert starts(history, "worker-0", after_s=5.0, until_s=15.0) == 0


def test_a_role_is_what_stands_before_the_number() -> None:
    assert [role_of(name) for name in ("worker-1", "mail-worker-12", "redis")] == ["worker", "mail-worker", "redis"]


@pytest.mark.parametrize(
    ("processes", "role"), [({"api": 1, "worker": 2}, "worker"), ({"api": 1, "worker": 0}, "api"), ({"api": 1}, "api")]
)
def test_the_workers_do_the_work_where_there_are_any(processes: dict[str, int], role: str) -> None:
    assert working_roles(Story(processes=processes).history) == {role}
    assert working_roles(Story(processes=processes, plan=plan(RedisCrashes())).history) == {role}
    assert working_roles(Story(processes=processes, plan=plan(FlagFlips())).history) == {role, "api"}


def test_the_last_fault_is_the_one_that_ended_last_and_flag_turns_may_be_left_out() -> None:
    story = Story().suffered("RedisCrashes", 5, 15).suffered("NoFault", 6, 9, index=1).suffered("FlagFlips", 7, 20, index=2)
    assert last_fault_end_s(story.history, but="FlagFlips") == 15
    assert last_fault_end_s(story.history, but="RedisCrashes") == 20
    assert last_fault_end_s(Story().history, but="") == float("-inf")


def test_mails_are_sorted_by_when_they_reached_the_provider_and_those_not_taken_left_out() -> None:
    story = Story().mailed("a", 3).mailed("a", 1).mailed("a", 2, http_status=503).mailed("b", 1, http_status=503).mailed(None, 1)
    assert {pair: [call.begin_s for call in calls] for pair, calls in mails_taken(story.history).items()} == {of("a"): [1, 3]}


def test_a_row_counts_from_when_it_was_first_seen() -> None:
    assert first_stored_s(Story().stored("a", 3).stored("a", 2).stored("b", 4).history) == {of("a"): 2, of("b"): 4}


def test_a_mail_is_due_for_what_was_promised_and_asked_for_one() -> None:
    story = Story().posted("a", 1).posted("b", 1, wants_mail=False).refused("c", 1).unanswered("d", 1)
    assert set(due_mails(story.history)) == {of("a")}


def test_a_status_is_shown_by_reads_duplicates_and_processed_answers_in_the_order_they_came() -> None:
    story = Story().posted("a", 4, "duplicate", current_status="processing").read("a", 1, "pending").posted("a", 6, "processed")
    story.posted("a", 0.5).posted("a", 5, "duplicate", current_status=None).read("a", 2, None)
    shown = sightings(story.history)[of("a")]
    assert [(one.begin_s, one.status, one.how) for one in shown] == [
        (1, "pending", "a status read"),
        (4, "processing", "the answer duplicate"),
        (6, "completed", "the answer processed"),
    ]
    assert [one.end_s for one in shown] == [1.01, 4.01, 6.01]


def test_a_status_was_shown_when_its_answer_came_not_when_it_was_asked_for() -> None:
    story = Story().read("a", 1, "completed", end_s=5).read("a", 2, "pending", end_s=3)
    assert [one.status for one in sightings(story.history)[of("a")]] == ["pending", "completed"]
