"""Verdicts: what a judgement becomes, which ruling is the worst, and what the decorators make of a function."""

from __future__ import annotations

import dataclasses
import itertools
import json
from typing import Any

import pytest

from harness.history import Header, History, Pair
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


def test_where_nothing_else_is_told_nothing_was_looked_at_and_nothing_is_the_machines() -> None:
    assert (unknown("why").checked, unknown("why").noisy) == (0, False)
    assert unknown("why", noisy=True).noisy
    assert (not_applicable("why").checked, not_applicable("why").violations) == (0, ())


def test_all_violations_are_told_in_order_and_with_how_much_was_looked_at() -> None:
    other = Violation("it broke again", Pair("s", "i"))
    assert judged(checked=7, violations=[BROKEN, other]) == Verdict(
        ruling=Ruling.VIOLATED, checked=7, violations=(BROKEN, other), reason=""
    )


def test_a_verdict_comes_back_from_its_data_as_it_was() -> None:
    verdict = Verdict(
        ruling=Ruling.VIOLATED,
        checked=7,
        violations=(BROKEN, Violation("it broke again", Pair("s", "i"))),
        reason="because",
        noisy=True,
        checker="a",
        claim="A.",
    )
    told = json.loads(json.dumps(dataclasses.asdict(verdict)))
    assert Verdict.from_data(told) == verdict
    back = Verdict.from_data(told)
    assert isinstance(back.ruling, Ruling)
    assert isinstance(back.violations[1].pair, Pair)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"ruling": "lost", "violations": []}, ValueError),
        ({"ruling": "held"}, KeyError),
        ({"ruling": "held", "violations": [], "more": 1}, TypeError),
    ],
)
def test_what_is_no_verdict_is_refused(wrong: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Verdict.from_data(wrong)


def test_a_checker_made_of_a_function_is_that_function_with_a_name_a_claim_and_needs() -> None:
    def it_is_there(history: History) -> Verdict:
        """
        It is there, whatever {happens}.

        More.
        """
        return judged(checked=len(history.header.offers))

    made = checker("rows", "mails")(it_is_there)
    assert (made.name, made.claim, made.needs) == ("it_is_there", "It is there, whatever {happens}.", ("rows", "mails"))
    assert made.judge(_history("rows", "x")).checked == 2
    assert dataclasses.replace(made, claim="It is there.")(_history("mails", "rows")).checked == 2
    it_is_there.__doc__ = None
    assert checker()(it_is_there).claim == "it_is_there"


def test_a_checker_made_of_a_function_with_limits_waits_for_them() -> None:
    def it_is_below(history: History, *, most: float, least: float) -> Verdict:
        """It is from {least} to {most}."""
        return judged(checked=int(most - least) + len(history.header.offers))

    made = parameterised("rows")(it_is_below)
    assert (made.name, made.claim, made.needs) == ("it_is_below", "It is from {least} to {most}.", ("rows",))
    verdict = made(most=7, least=2)(_history("rows"))
    assert (verdict.checker, verdict.claim, verdict.checked) == ("it_is_below", "It is from 2 to 7.", 6)
    assert made(most=7, least=2).needs == ("rows",)
    it_is_below.__doc__ = None
    assert parameterised()(it_is_below).claim == "it_is_below"


def test_a_verdict_keeps_what_its_checker_found_and_is_given_its_name_and_claim() -> None:
    def it_is_noisy(history: History) -> Verdict:
        """It is noisy."""
        return unknown("too busy", checked=3, noisy=True)

    verdict = checker()(it_is_noisy)(_history())
    assert verdict == Verdict(
        ruling=Ruling.UNKNOWN, checked=3, reason="too busy", noisy=True, checker="it_is_noisy", claim="It is noisy."
    )
