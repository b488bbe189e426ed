"""What a checker says where it decides nothing, word for word, and how much it had looked at by then."""

from __future__ import annotations

import pytest

from harness import checkers
from harness.faults import FlagFlips, NoFault, RedisCrashes, SendGridAnswers
from harness.verdict import Checker
from tests.harness.story import OFFERS, Story, plan, said

FAST, DRAINS = checkers.ingest_stays_fast(p95_ms=50), checkers.backlog_drains(within_seconds=20)
RECOVERS, FOLLOWED = checkers.ingest_recovers(within_seconds=5), checkers.the_flag_is_followed(within_seconds=1.5)
CRASH, EMPTY, OUTAGE = plan(RedisCrashes()), plan(RedisCrashes(loss="empty")), plan(SendGridAnswers())
SEES = (*OFFERS, "queue_depth", "traces", "flag")


@pytest.mark.parametrize(
    ("checker", "story", "told"),
    [
        (checkers.answers_follow_the_contract, Story(), "unknown; no request was answered with 2xx"),
        (checkers.refusals_are_honest, Story(), "unknown; no event was posted"),
        (checkers.refusals_are_honest, Story().posted("a", 1), "not_applicable; no event was refused"),
        (checkers.errors_are_problems, Story().unanswered("a", 1), "unknown; no request was answered"),
        (checkers.ingest_stays_available, Story(), "unknown; no POST fell into a fault window"),
        (
            checkers.ingest_stays_available,
            Story().posted("a", 1, "processed"),
            "not_applicable; this service does the work before it answers, so its answers cannot be faster than the work",
        ),
        (FAST, Story(), "unknown; no POST was answered"),
        (
            FAST,
            Story(world="real").posted("a", 1),
            "unknown; no bare stub was measured beside the service, so nobody knows how slow the machine was",
        ),
        (
            FAST,
            Story().posted("a", 1, "processed"),
            "not_applicable; this service does the work before it answers, so its answers cannot be faster than the work",
        ),
        (checkers.every_accepted_event_is_stored_once, Story().quiet(), "unknown; no event was accepted"),
        (checkers.nothing_is_invented, Story(), "unknown; no row and no mail was seen"),
        (checkers.every_accepted_event_is_mailed, Story().quiet(), "unknown; no accepted event asked for a mail"),
        (checkers.no_unexplained_second_mail, Story(), "unknown; no mail was taken"),
        (checkers.every_fault_bit, Story(), "not_applicable; no fault was planned"),
        (
            checkers.world_came_to_rest,
            Story(),
            "unknown; the history is cut off before the end of the run and is judged up to the cut",
        ),
        (
            checkers.acknowledgements_fell_inside_the_fault,
            Story(),
            "not_applicable; the scenario allows promises inside its fault windows, and needs none",
        ),
        (
            checkers.acknowledgements_fell_inside_the_fault,
            Story(acknowledgements="required").posted("a", 1, "processed"),
            "not_applicable; this service does the work before it answers, so it may have to wait for the fault to end",
        ),
        (
            checkers.what_is_lost_is_not_called_done,
            Story().quiet(),
            "not_applicable; nothing was lost that the service claims to keep",
        ),
        (
            checkers.what_is_lost_is_not_called_done,
            Story(plan=EMPTY).suffered("RedisCrashes", 5, 15).quiet(),
            "unknown; no event was promised before the loss",
        ),
        (checkers.provider_is_spared, Story(), "unknown; the provider was never down"),
        (
            checkers.provider_is_spared,
            Story(plan=OUTAGE).suffered("SendGridAnswers", 5, 15),
            "not_applicable; too few mails were due during the outage to tell: under 3 per allowed call",
        ),
        (checkers.rate_limit_is_respected, Story(), "unknown; no call met the rate limit"),
        (DRAINS, Story(), "unknown; no event was accepted"),
        (RECOVERS, Story(), "not_applicable; no fault was planned"),
        (RECOVERS, Story(plan=CRASH), "unknown; nobody knows when the last fault ended"),
        (
            RECOVERS,
            Story(plan=CRASH).suffered("RedisCrashes", 5, 15).quiet(),
            "unknown; no POST began 5 s or more after the last fault's end (15.0 s)",
        ),
        (checkers.processes_stay_up, Story(), "unknown; nothing was recorded of any process"),
        (checkers.terminations_are_clean, Story(), "unknown; no process was told to stop"),
        (
            FOLLOWED,
            Story(offers=SEES, plan=plan(NoFault())).suffered("NoFault", 5, 15),
            "not_applicable; the flag was not turned to 0 or to 100",
        ),
        (
            FOLLOWED,
            Story(offers=SEES, plan=plan(FlagFlips(0))).suffered("FlagFlips", 5, 15),
            "unknown; no event was taken later than 1.5 s after the flag was turned",
        ),
        (checkers.a_promise_is_readable_at_once, Story(), "unknown; no status was read after a promise"),
        (checkers.status_never_goes_back, Story(), "unknown; no status was read again after a final one"),
        (checkers.every_status_becomes_final, Story().quiet(), "unknown; no status of an accepted event was read"),
        (checkers.every_status_becomes_final, Story(), "unknown; the world was still moving; 0 of 0 events were unfinished"),
        (checkers.completed_means_done, Story().quiet(), "unknown; no event was seen completed"),
        (checkers.failed_is_justified, Story(), "unknown; no status was read"),
        (
            checkers.queue_depth_shows_the_backlog,
            Story(offers=SEES),
            "not_applicable; metrics are scraped and traces received from real processes only",
        ),
        (
            checkers.a_trace_leads_from_post_to_mail,
            Story(offers=SEES),
            "not_applicable; metrics are scraped and traces received from real processes only",
        ),
        (
            checkers.a_trace_leads_from_post_to_mail,
            Story(world="real", offers=SEES),
            "unknown; no event was mailed, so there was nothing to follow",
        ),
    ],
)
def test_where_nothing_was_looked_at_it_is_told_what_was_missing(checker: Checker, story: Story, told: str) -> None:
    verdict = story.judged_by(checker)
    assert (said(verdict), verdict.checked) == (told, 0)


TORN = Story().quiet()
TORN.history.cut_off = True
UNNAMED = Story().kept("a", 1).kept("b", 2).quiet()
UNNAMED.history.forget(lambda entry: entry.kind == "call")
UNNAMED.mailed(None, 1.5).mailed(None, 2.5)
NO_NAMES = "mail_source and mail_id of [observe] name no event in any of 2 mails"


@pytest.mark.parametrize(
    ("checker", "story", "told", "checked"),
    [
        (
            checkers.refusals_are_honest,
            Story().refused("a", 1).refused("b", 1).quiet(rows_read=False),
            "the final rows could not be read",
            2,
        ),
        (
            checkers.every_accepted_event_is_stored_once,
            Story().kept("a", 1).posted("b", 2).quiet(rows_read=False),
            "the final rows could not be read; 1 of 2 accepted events had no row yet",
            2,
        ),
        (
            checkers.every_accepted_event_is_stored_once,
            Story().kept("a", 1).posted("b", 2).restless(),
            "the world was still moving; 1 of 2 accepted events had no row yet",
            2,
        ),
        (
            checkers.nothing_is_invented,
            Story().kept("a", 1).stored("x", 2).mailed("y", 2),
            "2 events were seen whose POST may have been under way when the history was cut off",
            4,
        ),
        (checkers.nothing_is_invented, UNNAMED, NO_NAMES, 2),
        (checkers.every_accepted_event_is_mailed, UNNAMED, NO_NAMES, 2),
        (checkers.no_unexplained_second_mail, UNNAMED, NO_NAMES, 0),
        (checkers.completed_means_done, UNNAMED, NO_NAMES, 2),
        (
            checkers.every_accepted_event_is_mailed,
            Story().kept("a", 1).posted("b", 2).restless(),
            "the world was still moving; 1 of 2 mails were missing yet",
            2,
        ),
        (
            checkers.no_unexplained_second_mail,
            Story(plan=CRASH).mailed("a", 1).mailed("a", 2).mailed("b", 1),
            "1 second mails were sent before the history is cut off, and a fault may have been under way",
            2,
        ),
        (
            checkers.no_unexplained_second_mail,
            Story(claims={}).mailed("a", 1).mailed("a", 4).suffered("WorkerFreezes", 2, 3, "worker-0").quiet(),
            "1 second mails follow a freeze, or follow a crash late; "
            "whether it explains them is told by claims.reclaim_seconds, which the system file lacks",
            1,
        ),
        (
            checkers.every_fault_bit,
            Story(plan=(*CRASH, {"lasts_seconds": 1.0})).suffered("RedisCrashes", 5, 15, evidence=None),
            "did not bite and so proved nothing: RedisCrashes (left no evidence), a fault (never happened)",
            2,
        ),
        (
            checkers.world_came_to_rest,
            TORN,
            "the history file ends in the middle of a line and is judged up to the cut",
            0,
        ),
        (
            checkers.what_is_lost_is_not_called_done,
            Story(plan=EMPTY).suffered("RedisCrashes", 5, 15).kept("a", 1).restless(),
            "the world was still moving, or the final rows could not be read",
            1,
        ),
        (
            checkers.acknowledgements_fell_inside_the_fault,
            Story(plan=OUTAGE, acknowledgements="required").posted("a", 1).suffered("SendGridAnswers", 5, 15),
            "no promise was given during SendGridAnswers, so it put none at risk",
            1,
        ),
        (
            checkers.acknowledgements_fell_inside_the_fault,
            Story(plan=OUTAGE, acknowledgements="impossible").posted("a", 6).suffered("SendGridAnswers", 5, 15),
            "promises were given during SendGridAnswers, so it did not bite",
            1,
        ),
        (
            DRAINS,
            Story().kept("a", 1).posted("b", 2).restless(),
            "of 1 events too little was seen before the run was cut off",
            2,
        ),
        (
            checkers.terminations_are_clean,
            Story().process("api-0", "terminated", 1),
            "the history is cut off before every process that was told to stop exits",
            1,
        ),
        (
            checkers.every_status_becomes_final,
            Story().kept("a", 1).posted("b", 2).read("b", 3, "pending").restless(),
            "the world was still moving; 1 of 2 events were unfinished",
            2,
        ),
        (
            checkers.every_status_becomes_final,
            Story().kept("a", 1).posted("b", 2).read("b", 3, "pending").quiet().read("b", 101, None, http_status=503),
            "1 events were last shown unfinished, and nobody was told their status once nothing moved any more",
            2,
        ),
        (checkers.completed_means_done, Story().kept("a", 1), "the final rows could not be read", 1),
        (
            checkers.queue_depth_shows_the_backlog,
            Story(world="real", offers=SEES).scraped(5, 0).quiet(),
            "never did 50 events wait for 6 s, so there was nothing to see",
            1,
        ),
    ],
)
def test_where_too_little_was_seen_it_is_told_what_and_how_much_was(
    checker: Checker, story: Story, told: str, checked: int
) -> None:
    verdict = story.judged_by(checker)
    assert (said(verdict), verdict.checked) == (f"unknown; {told}", checked)
