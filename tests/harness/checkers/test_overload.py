"""A claimed high water: nothing is accepted above it, and only what waits for certain is counted."""

from __future__ import annotations

import pytest

from harness.checkers import the_backlog_is_bounded
from harness.verdict import Ruling
from tests.harness.story import OFFERS, Story, said

CLAIMED = {"offers": (*OFFERS, "claims.high_water"), "claims": {"high_water": 2}}


def full() -> Story:
    """Two events wait from 1 to 9 s: there is room for no third."""
    told = Story(**CLAIMED)
    for name in ("a", "b"):
        told.posted(name, 0.9, end_s=1.0).mailed(name, 9.0)
    return told


def test_what_is_refused_above_the_high_water_holds() -> None:
    verdict = full().refused("c", 2, 429).refused("d", 3, 503).posted("c", 9.5).judged_by(the_backlog_is_bounded)
    assert (said(verdict), verdict.checked) == ("held; ", 2)


def test_what_is_accepted_above_it_is_violated() -> None:
    verdict = full().posted("c", 2, end_s=2.5).judged_by(the_backlog_is_bounded)
    assert said(verdict) == "violated; c of a5 was accepted at 2.500 s while 2 events waited, of 2 claimed; "


def test_nothing_is_known_where_there_was_always_room() -> None:
    told = Story(**CLAIMED).posted("a", 1).mailed("a", 9).posted("b", 2).mailed("b", 9).refused("c", 9.5)
    assert said(told.judged_by(the_backlog_is_bounded)) == "unknown; never did 2 events wait, the claimed high water"
    assert said(Story(**CLAIMED).judged_by(the_backlog_is_bounded)) == "unknown; never did 2 events wait, the claimed high water"


@pytest.mark.parametrize(
    ("begin_s", "end_s", "ruling"),
    [
        (1.0, 8.9, "violated"),
        (0.99, 2.0, "unknown"),  # decided, perhaps, when the second had not been accepted
        (2.0, 9.0, "unknown"),  # or when the first had come to its mail
        (8.9, 9.1, "unknown"),
    ],
)
def test_who_waited_only_for_a_part_of_the_request_is_not_counted(begin_s: float, end_s: float, ruling: Ruling) -> None:
    told = full().posted("c", begin_s, end_s=end_s)
    assert told.judged_by(the_backlog_is_bounded).ruling == ruling


def test_only_what_waits_for_a_mail_and_gets_a_call_waits_for_certain() -> None:
    told = Story(**CLAIMED).posted("a", 1).mailed("a", 9)
    told.posted("b", 1, wants_mail=False).stored("b", 9).posted("lost", 1)
    told.posted("done", 1, "processed").mailed("done", 9)
    assert told.posted("c", 2).judged_by(the_backlog_is_bounded).ruling is Ruling.UNKNOWN
    assert told.posted("d", 1.5).mailed("d", 8, http_status=503).posted("e", 3).judged_by(the_backlog_is_bounded).checked == 2


@pytest.mark.parametrize("answer", ["duplicate", "processed"])
def test_what_takes_no_room_is_not_asked(answer: str) -> None:
    assert full().posted("a", 2, answer).judged_by(the_backlog_is_bounded).ruling is Ruling.UNKNOWN


def test_mails_that_name_no_event_tell_nothing() -> None:
    told = Story(**CLAIMED).posted("a", 1)
    for at_s in range(2, 8):
        told.mailed(None, at_s)
    assert said(told.judged_by(the_backlog_is_bounded)).startswith("unknown; mail_source and mail_id of [observe] name no event")


def test_without_the_claim_it_does_not_apply() -> None:
    assert Story().posted("a", 1).judged_by(the_backlog_is_bounded).ruling is Ruling.NOT_APPLICABLE
