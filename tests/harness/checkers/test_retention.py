"""What is finished is forgotten: as many keys without an expiry as events were done are too many."""

from __future__ import annotations

from harness.checkers import nothing_is_kept_for_ever
from harness.verdict import Ruling
from tests.harness.story import OFFERS, Story, said

OFFERED = (*OFFERS, "claims.dedupe_window_hours")
FEWEST_EVENTS = 15


def done(events: int = FEWEST_EVENTS, offers: tuple[str, ...] = OFFERED) -> Story:
    told = Story(offers=offers)
    for number in range(events):
        told.kept(f"e{number}", number)
    return told


def test_fewer_lasting_keys_than_events_hold() -> None:
    verdict = done().quiet(lasting_keys=FEWEST_EVENTS - 1).judged_by(nothing_is_kept_for_ever)
    assert (said(verdict), verdict.checked) == ("held; ", FEWEST_EVENTS)


def test_a_key_for_each_event_is_violated() -> None:
    told = done().posted("lost", 50).refused("other", 51).row("other").quiet(lasting_keys=FEWEST_EVENTS)
    assert said(told.judged_by(nothing_is_kept_for_ever)) == (
        f"violated; {FEWEST_EVENTS} keys of Redis have no expiry after {FEWEST_EVENTS} events were done; "
    )


def test_few_events_tell_nothing() -> None:
    verdict = done(FEWEST_EVENTS - 1).quiet(lasting_keys=99).judged_by(nothing_is_kept_for_ever)
    assert (said(verdict), verdict.checked) == (
        f"unknown; {FEWEST_EVENTS - 1} events were done, at least {FEWEST_EVENTS} tell their keys from others",
        FEWEST_EVENTS - 1,
    )


def test_without_an_end_or_an_answer_of_redis_nothing_is_known() -> None:
    for told in (done(), done().quiet()):
        assert said(told.judged_by(nothing_is_kept_for_ever)) == "unknown; the keys of Redis could not be counted"


def test_a_service_that_never_forgets_is_not_asked() -> None:
    assert done(offers=OFFERS).quiet(lasting_keys=99).judged_by(nothing_is_kept_for_ever).ruling is Ruling.NOT_APPLICABLE
