"""What an operator can see: the queue depth against the backlog, and traces from POST to mail."""

from __future__ import annotations

import pytest

from harness.checkers import a_trace_leads_from_post_to_mail, queue_depth_shows_the_backlog
from tests.harness.story import OFFERS, Story, said

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


@pytest.mark.parametrize(("shown", "ruling"), [(29, "violated"), (30, "held")])
def test_half_of_what_is_known_to_wait_must_show(shown: int, ruling: str) -> None:
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
