"""Verdicts: what a judgement becomes, which ruling is the worst, and what the decorators make of a function."""

from __future__ import annotations

import itertools

import pytest

from harness.history import Header, History
from harness.verdict import Ruling, Verdict, Violation, checker, judged, not_applicable, parameterised, unknown, worst

BROKEN = Violation("it broke")


def _history(*offers: str) -> History:
    return History(Header(scenario="s", system="y", world="real", seed=1, offers=offers))


@checker("rows", "mails")
def everything_is_fine(history: History) -> Verdict:
    """Everything is fine.

    A second paragraph nobody claims.
    """
    return judged(checked=3)


@parameterised("rows")
def it_is_quick(history: History, *, within_seconds: float) -> Verdict:
    """It takes at most {within_seconds} s."""
    return judged(checked=1, violations=[BROKEN] if within_seconds < 5 else [])


def test_violations_win_over_everything() -> None:
    assert judged(checked=0, violations=[BROKEN]) == Verdict(ruling=Ruling.VIOLATED, checked=0, violations=(BROKEN,))


def test_nothing_checked_is_unknown_and_says_what_was_missing() -> None:
    assert judged(checked=0, nothing="no mail was due") == Verdict(ruling=Ruling.UNKNOWN, reason="no mail was due")
    assert judged(checked=0).reason == "there was nothing to judge"


def test_something_checked_and_nothing_broken_holds() -> None:
    assert judged(checked=1) == Verdict(ruling=Ruling.HELD, checked=1)


def test_unknown_and_not_applicable_carry_their_reason() -> None:
    assert unknown("still moving", checked=4) == Verdict(ruling=Ruling.UNKNOWN, checked=4, reason="still moving")
    assert not_applicable("no Redis") == Verdict(ruling=Ruling.NOT_APPLICABLE, reason="no Redis")


@pytest.mark.parametrize(
    ("rulings", "expected"),
    [
        ((), Ruling.NOT_APPLICABLE),
        ((Ruling.NOT_APPLICABLE,), Ruling.NOT_APPLICABLE),
        ((Ruling.HELD, Ruling.NOT_APPLICABLE), Ruling.HELD),
        ((Ruling.HELD, Ruling.UNKNOWN), Ruling.UNKNOWN),
        ((Ruling.HELD, Ruling.UNKNOWN, Ruling.VIOLATED), Ruling.VIOLATED),
    ],
)
def test_the_worst_ruling_wins_in_any_order(rulings: tuple[Ruling, ...], expected: Ruling) -> None:
    assert {worst(order) for order in itertools.permutations(rulings)} == {expected}


def test_a_checker_is_named_after_its_function_and_claims_its_first_line() -> None:
    verdict = everything_is_fine(_history("mails", "rows"))
    assert verdict == Verdict(ruling=Ruling.HELD, checked=3, checker="everything_is_fine", claim="Everything is fine.")
    assert everything_is_fine.to_data() == {"checker": "everything_is_fine", "arguments": {}}


@pytest.mark.parametrize(("offers", "missing"), [((), "rows"), (("rows",), "mails"), (("mails",), "rows")])
def test_a_checker_that_cannot_see_what_it_needs_does_not_apply(offers: tuple[str, ...], missing: str) -> None:
    verdict = everything_is_fine(_history(*offers))
    assert verdict.ruling is Ruling.NOT_APPLICABLE
    assert verdict.reason == f"needs {missing}, which the system file does not offer"
    assert verdict.claim == "Everything is fine."


def test_a_parameterised_checker_claims_and_stores_its_arguments() -> None:
    quick = it_is_quick(within_seconds=5)
    assert quick(_history("rows")) == Verdict(ruling=Ruling.HELD, checked=1, checker="it_is_quick", claim="It takes at most 5 s.")
    assert it_is_quick(within_seconds=4)(_history("rows")).ruling is Ruling.VIOLATED
    assert quick(_history()).ruling is Ruling.NOT_APPLICABLE
    assert quick.to_data() == {"checker": "it_is_quick", "arguments": {"within_seconds": 5}}


def test_checkers_can_stand_in_a_set() -> None:
    assert len({everything_is_fine, everything_is_fine, it_is_quick(within_seconds=1)}) == 2
