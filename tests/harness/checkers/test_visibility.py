"""What an operator can see: the queue depth against the backlog, and traces from POST to mail."""

from __future__ import annotations

import pytest

from harness.checkers import a_trace_leads_from_post_to_mail, queue_depth_shows_the_backlog
from harness.checkers.visibility import SLACK_S
from tests.harness.story import OFFERS, Story, of, said

MANY = 60


def story() -> Story:
    return Story(world="real", offers=(*OFFERS, "queue_depth", "traces"))


def waiting(until_s: float = 20.0) -> Story:
    """Sixty events come in at 1 s, and are all finished at once."""
    told = story()
    for number in range(MANY):
        told.posted(f"e{number}", 1.0, wants_mail=False)
    for number in range(MANY):
        told.stored(f"e{number}", until_s)
    return told


def test_a_depth_that_follows_the_backlog_holds() -> None:
    told = waiting().scraped(8, MANY).scraped(12, MANY - 5).scraped(40, 0).quiet(60)
    verdict = told.judged_by(queue_depth_shows_the_backlog)
    assert said(verdict) == "held; "
    assert verdict.checked == 3


def test_a_depth_that_hides_the_backlog_is_violated() -> None:
    verdict = waiting().scraped(8, 0).scraped(12, MANY).quiet(60).judged_by(queue_depth_shows_the_backlog)
    assert said(verdict) == "violated; at 8.0 s worker-0 exported a queue depth of 0 while 60 events waited; "


@pytest.mark.parametrize(("shown", "ruling"), [(29.5, "violated"), (30, "held")])
def test_half_of_what_is_known_to_wait_must_show(shown: float, ruling: str) -> None:
    assert waiting().scraped(10, shown).scraped(40, 0).quiet(60).judged_by(queue_depth_shows_the_backlog).ruling == ruling


def test_a_depth_that_never_falls_is_violated() -> None:
    verdict = waiting().scraped(10, MANY).scraped(40, MANY).quiet(60).judged_by(queue_depth_shows_the_backlog)
    assert said(verdict) == "violated; at 40.0 s worker-0 exported a queue depth of 60 while no event waited; "


def test_it_is_enough_that_one_process_knows() -> None:
    told = waiting().scraped(10, 0, "api-0").scraped(10.1, MANY, "worker-0").scraped(40, 0).quiet(60)
    assert told.judged_by(queue_depth_shows_the_backlog).ruling == "held"


def test_what_may_have_been_taken_unseen_may_show() -> None:
    told = waiting().scraped(10, MANY).unanswered("x", 21).scraped(40, 1).quiet(60)
    assert told.judged_by(queue_depth_shows_the_backlog).ruling == "held"


@pytest.mark.parametrize(("shown", "ruling"), [(1, "held"), (2, "violated")])
def test_poison_may_stay_in_the_queue_and_show(shown: int, ruling: str) -> None:
    told = waiting().posted("p", 21, poison=True).read("p", 22, "failed").scraped(10, MANY).scraped(40, shown).quiet(60)
    assert told.judged_by(queue_depth_shows_the_backlog).ruling == ruling


@pytest.mark.parametrize("at_s", [2.0, 19.0])
def test_at_the_edge_of_the_backlog_nobody_is_judged(at_s: float) -> None:
    assert waiting().scraped(at_s, 0).scraped(10, MANY).quiet(60).judged_by(queue_depth_shows_the_backlog).ruling == "held"


def test_without_a_backlog_there_was_nothing_to_see() -> None:
    verdict = story().kept("a", 1).scraped(40, 0).quiet(60).judged_by(queue_depth_shows_the_backlog)
    assert verdict.ruling == "unknown"
    assert "never did 50 events wait for 6 s" in verdict.reason


def test_a_depth_nobody_exports_is_violated() -> None:
    assert "no process exported" in said(waiting().quiet(60).judged_by(queue_depth_shows_the_backlog))


def test_in_the_simulation_nobody_scrapes() -> None:
    told = Story(offers=(*OFFERS, "queue_depth", "traces")).kept("a", 1).quiet()
    assert told.judged_by(queue_depth_shows_the_backlog).ruling == "not_applicable"
    assert told.judged_by(a_trace_leads_from_post_to_mail).ruling == "not_applicable"


def kept() -> Story:
    """One event posted at 1 s, mailed from 1.3 to 1.4 s."""
    return story().kept("a", 1).quiet()


def test_a_linked_trace_is_followed_to_the_mail() -> None:
    told = kept().span("a", "producer", "t1/p").span("a", "consumer", "t2/c", links=("t1/p",))
    told.span("a", "client", "t2/m", parent="c", begin_s=1.29, end_s=1.41, pair=None)
    verdict = told.judged_by(a_trace_leads_from_post_to_mail)
    assert said(verdict) == "held; "
    assert verdict.checked == 1


def test_one_trace_over_the_queue_is_followed_too_and_the_mail_may_be_deeper() -> None:
    told = kept().span("a", "server", "t/s").span("a", "consumer", "t/c", parent="s")
    told.span("a", "internal", "t/i", parent="c", pair=None)
    told.span("a", "client", "t/m", parent="i", begin_s=1.29, end_s=1.41, pair=None)
    assert told.judged_by(a_trace_leads_from_post_to_mail).ruling == "held"


def test_a_service_that_mails_before_it_answers_needs_no_queue() -> None:
    told = kept().span("a", "server", "t/s").span("a", "client", "t/m", parent="s", begin_s=1.29, end_s=1.41, pair=None)
    assert told.judged_by(a_trace_leads_from_post_to_mail).ruling == "held"


def test_where_the_path_ends_is_told() -> None:
    def told(story: Story) -> str:
        return said(story.judged_by(a_trace_leads_from_post_to_mail))

    story = kept()
    assert "no span reached the sink" in told(story)
    story.span("b", "producer", "t0/p")
    assert "a of a5 was mailed, but no server or producer span" in told(story)
    story.span("a", "producer", "t1/p").span("a", "consumer", "t2/c", links=("t9/p",))
    assert "no client span of that call" in told(story)
    story.span("a", "client", "t2/m", parent="c", begin_s=1.29, end_s=1.41)
    assert "no client span of that call" in told(story), "nothing links that work to the POST"


def test_a_post_that_ended_before_the_mail_did_not_send_it() -> None:
    told = kept().span("a", "server", "t/s", begin_s=1.0, end_s=1.01)
    told.span("a", "client", "t/m", parent="s", begin_s=1.0, end_s=1.01)
    assert "no consumer span" in said(told.judged_by(a_trace_leads_from_post_to_mail))


def test_another_client_of_the_work_is_not_the_call_of_the_provider() -> None:
    told = kept().span("a", "producer", "t1/p").span("a", "consumer", "t2/c", links=("t1/p",))
    told.span("a", "client", "t2/db", parent="c", begin_s=1.2, end_s=1.29)
    assert "no client span of that call" in said(told.judged_by(a_trace_leads_from_post_to_mail))


def test_a_client_span_at_another_time_is_another_call() -> None:
    told = kept().span("a", "producer", "t1/p").span("a", "consumer", "t2/c", links=("t1/p",))
    told.span("a", "client", "t2/m", parent="c", begin_s=8.0, end_s=8.1)
    assert told.judged_by(a_trace_leads_from_post_to_mail).ruling == "violated"


def test_without_a_mail_there_was_nothing_to_follow() -> None:
    assert story().posted("a", 1, wants_mail=False).quiet().judged_by(a_trace_leads_from_post_to_mail).ruling == "unknown"


def hidden(at_s: float, *, events: int = MANY) -> bool:
    """Whether a depth of 0 convicts at a moment; so many events come in at 1 s and are finished at 20 s."""
    told = story()
    for number in range(events):
        told.posted(f"e{number}", 1.0, took_s=0.0, wants_mail=False)
    for number in range(events):
        told.stored(f"e{number}", 20.0)
    return told.scraped(at_s, 0).quiet(60).judged_by(queue_depth_shows_the_backlog).ruling == "violated"


@pytest.mark.parametrize(("at_s", "convicts"), [(4.0, False), (4.001, True), (16.999, True), (17.0, False)])
def test_a_gauge_may_be_three_seconds_old(at_s: float, convicts: bool) -> None:
    assert hidden(at_s) == convicts


@pytest.mark.parametrize(("events", "convicts"), [(49, False), (50, True)])
def test_fifty_events_are_many(events: int, convicts: bool) -> None:
    assert hidden(10.0, events=events) == convicts


@pytest.mark.parametrize(("at_s", "ruling"), [(23.0, "held"), (23.001, "violated")])
def test_a_ghost_is_told_three_seconds_after_the_last_event_was_finished(at_s: float, ruling: str) -> None:
    told = waiting().scraped(10, MANY).scraped(at_s, 1).quiet(60)
    assert told.judged_by(queue_depth_shows_the_backlog).ruling == ruling


def test_before_the_first_event_none_waits_either() -> None:
    verdict = waiting().scraped(-2.5, 3).quiet(60).judged_by(queue_depth_shows_the_backlog)
    assert said(verdict) == "violated; at -2.5 s worker-0 exported a queue depth of 3 while no event waited; "
    assert verdict.checked == 1


@pytest.mark.parametrize(("other_s", "ruling"), [(9.0, "held"), (8.999, "violated"), (11.0, "held"), (11.001, "violated")])
def test_what_another_process_exported_within_a_second_counts(other_s: float, ruling: str) -> None:
    told = waiting().scraped(10, 0, "api-0").scraped(other_s, MANY).scraped(40, 0).quiet(60)
    assert told.judged_by(queue_depth_shows_the_backlog).ruling == ruling


def test_every_scrape_that_hid_the_backlog_or_made_one_up_is_told() -> None:
    told = waiting().scraped(8, 0).scraped(12, 1.5).scraped(40, 2).scraped(41, 0).quiet(60)
    verdict = told.judged_by(queue_depth_shows_the_backlog)
    assert [violation.what for violation in verdict.violations] == [
        "at 8.0 s worker-0 exported a queue depth of 0 while 60 events waited",
        "at 12.0 s worker-0 exported a queue depth of 1.5 while 60 events waited",
        "at 40.0 s worker-0 exported a queue depth of 2 while no event waited",
    ]
    assert verdict.checked == 4


@pytest.mark.parametrize(("shown", "ruling"), [(2, "held"), (3, "violated")])
def test_poison_and_an_event_without_an_answer_may_show_both(shown: int, ruling: str) -> None:
    told = waiting().posted("p", 21, poison=True).read("p", 22, "failed").unanswered("x", 21).unanswered("p", 20).refused("y", 21)
    told.scraped(10, MANY).scraped(40, shown).quiet(60)
    assert told.judged_by(queue_depth_shows_the_backlog).ruling == ruling


def test_what_waits_when_all_has_come_to_rest_goes_on_waiting() -> None:
    told = story()
    for number in range(MANY):
        told.posted(f"e{number}", 1.0, wants_mail=False).row(f"e{number}")
    told.scraped(59, 0).quiet(60).read("e0", 61, final=True)
    assert said(told.judged_by(queue_depth_shows_the_backlog)) == (
        "violated; at 59.0 s worker-0 exported a queue depth of 0 while 60 events waited; "
    )


def test_a_depth_nobody_exports_is_told_as_it_is() -> None:
    verdict = waiting().quiet(60).judged_by(queue_depth_shows_the_backlog)
    assert said(verdict) == "violated; no process exported the queue depth on its page of metrics; "
    assert verdict.checked == 1


def test_the_sentence_says_what_span_is_missing() -> None:
    def told(story: Story) -> str:
        return said(story.judged_by(a_trace_leads_from_post_to_mail))

    assert told(kept()) == "violated; no span reached the sink; "
    assert told(kept().span("b", "server", "t/b").span("a", "client", "t/a")) == (
        "violated; a of a5 was mailed, but no server or producer span has its event.source and event.id; "
    )
    ended = kept().span("a", "server", "t/s", end_s=1.01).span("b", "consumer", "t/c")
    assert told(ended) == (
        "violated; a of a5 was mailed, but no consumer span with its event.source and event.id is linked to the span of "
        "its POST, or in its trace; "
    )
    assert told(ended.span("a", "consumer", "t/w", parent="s")) == (
        "violated; a of a5 was mailed, but no client span of that call stands below the work on it; "
    )


def test_one_event_that_can_be_followed_is_enough_and_the_first_that_cannot_is_told() -> None:
    told = story().kept("a", 1).kept("b", 5).kept("c", 9).quiet().span("b", "producer", "t1/p")
    verdict = told.judged_by(a_trace_leads_from_post_to_mail)
    assert (verdict.violations[0].pair, verdict.checked) == (of("a"), 3)
    told.span("b", "consumer", "t2/c", links=("t0/x", "t1/p"))
    told.span("c", "client", "t2/m", parent="c", begin_s=5.29, end_s=5.41)
    verdict = told.judged_by(a_trace_leads_from_post_to_mail)
    assert (str(verdict.ruling), verdict.checked) == ("held", 1)


@pytest.mark.parametrize(
    ("begin_s", "end_s", "ruling"),
    [(1.5, 1.75, "held"), (1.515, 1.75, "held"), (1.53, 1.75, "violated"), (1.5, 1.735, "held"), (1.5, 1.72, "violated")],
)
def test_a_client_span_lasts_as_long_as_the_call_but_for_what_two_clocks_make(begin_s: float, end_s: float, ruling: str) -> None:
    """The provider saw the call from 1.5 to 1.75 s."""
    told = story().posted("a", 1).mailed("a", 1.5, end_s=1.75).quiet().span("a", "producer", "t/p")
    told.span("a", "consumer", "t/c", parent="p").span("a", "client", "t/m", parent="c", begin_s=begin_s, end_s=end_s)
    assert told.judged_by(a_trace_leads_from_post_to_mail).ruling == ruling


@pytest.mark.parametrize(("end_s", "ruling"), [(1.735, "held"), (1.72, "violated")])
def test_a_post_that_mailed_before_it_ended_may_have_ended_with_the_call(end_s: float, ruling: str) -> None:
    told = story().posted("a", 1).mailed("a", 1.5, end_s=1.75).quiet().span("a", "server", "t/s", end_s=end_s)
    told.span("a", "client", "t/m", parent="s", begin_s=1.49, end_s=1.76)
    assert told.judged_by(a_trace_leads_from_post_to_mail).ruling == ruling


def test_any_of_an_events_mails_and_any_of_its_works_will_do() -> None:
    told = story().posted("a", 1).mailed("a", 1.5).mailed("a", 9.0).quiet().span("a", "producer", "t1/p")
    told.span("a", "consumer", "t2/c", links=("t1/p",)).span("a", "consumer", "t3/c", links=("t1/p",))
    told.span("a", "client", "t2/db", parent="c", begin_s=3, end_s=4).span("a", "internal", "t3/i", parent="c")
    told.span("a", "client", "t3/db", parent="i", begin_s=3, end_s=4).span("a", "internal", "t3/j", parent="i")
    told.span("a", "client", "t3/m", parent="j", begin_s=8.99, end_s=9.11)
    assert told.judged_by(a_trace_leads_from_post_to_mail).ruling == "held"


def test_only_a_client_span_is_a_call() -> None:
    told = kept().span("a", "producer", "t/p").span("a", "consumer", "t/c", parent="p")
    told.span("a", "internal", "t/m", parent="c", begin_s=1.29, end_s=1.41)
    assert told.judged_by(a_trace_leads_from_post_to_mail).ruling == "violated"


def test_a_span_of_the_same_name_in_another_trace_is_another_parent() -> None:
    told = kept().span("a", "producer", "t1/p").span("a", "consumer", "t2/c", links=("t1/p",))
    told.span("a", "client", "t9/m", parent="c", begin_s=1.29, end_s=1.41)
    assert told.judged_by(a_trace_leads_from_post_to_mail).ruling == "violated"


def test_two_clocks_may_differ_by_a_fiftieth_of_a_second_and_no_more() -> None:
    edges = (
        (1.5 - SLACK_S, 1.75 + SLACK_S, "held"),
        (1.4802, 1.7698, "held"),
        (1.4798, 1.75, "violated"),
        (1.5, 1.7702, "violated"),
    )
    for begin_s, end_s, ruling in edges:
        told = story().posted("a", 1).mailed("a", begin_s, end_s=end_s).quiet().span("a", "server", "t/s", end_s=1.75)
        told.span("a", "client", "t/m", parent="s", begin_s=1.5, end_s=1.75)
        assert told.judged_by(a_trace_leads_from_post_to_mail).ruling == ruling


def test_a_backlog_that_only_began_around_a_scrape_hides_nothing_and_what_no_rest_ends_is_known_to_the_end() -> None:
    told = waiting(until_s=8.0).scraped(5.1, 0)
    assert told.judged_by(queue_depth_shows_the_backlog).ruling == "unknown", "some may have been finished when it was exported"
    told = waiting().scraped(10, MANY).scraped(40, 1)
    assert told.judged_by(queue_depth_shows_the_backlog).ruling == "violated", "no rest was recorded"


def test_a_gauge_that_is_behind_a_growing_backlog_need_show_half_of_the_least_that_waited() -> None:
    told = waiting().scraped(8, 30)
    for number in range(MANY):
        told.posted(f"later{number}", 9.0, wants_mail=False).stored(f"later{number}", 20)
    assert told.quiet(60).judged_by(queue_depth_shows_the_backlog).ruling == "held"
