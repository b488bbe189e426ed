"""Every lie told into a history is seen by the checker meant for it, and a checker that is blind is found out."""

from __future__ import annotations

import dataclasses
from functools import cache

import pytest

from harness import checkers, scenario, systems
from harness.challenge import Challenge
from harness.history import History, Probe
from harness.prove import tampering
from harness.prove.lies import LIES, Lie
from harness.runner import Order, execute, why_not_applicable
from harness.verdict import Checker, Ruling, Verdict
from tests.harness.story import OFFERS, Story

REAL_ONLY = {"queue_depth_shows_the_backlog", "a_trace_leads_from_post_to_mail"}
SIMULATED = [
    name
    for name in scenario.names()
    if not why_not_applicable(scenario.load(name).faults, systems.load("async"), world="simulated")
]


@cache
def histories() -> tuple[History, ...]:
    """Sound runs in which there is something to change for every lie that a simulation can show."""
    return tuple(simulated(name) for name in ("baseline", "deploy", "duplicate_storm"))


def simulated(name: str) -> History:
    history = execute(Order(scenario=name, system="async", world="simulated", seed=1), None).history
    assert history is not None
    return history


def told(*chosen: History) -> dict[str, Challenge]:
    return {challenge.name: challenge for challenge in tampering.summed(chosen)}


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.name)
def test_a_lie_is_seen_by_the_checker_meant_for_it(lie: Lie) -> None:
    challenge = told(*histories())[lie.name]
    if lie.caught_by in REAL_ONLY:
        assert challenge.ruling is Ruling.NOT_APPLICABLE
        return
    assert challenge.ruling is Ruling.HELD, challenge.reason
    assert lie.caught_by in challenge.accused


@pytest.mark.parametrize("name", SIMULATED)
def test_no_lie_gets_away_whatever_the_scenario_excuses(name: str) -> None:
    """`prove` tells them into the controls of whichever scenarios its flaws were hunted in."""
    challenges = tampering.summed([simulated(name)])
    assert [challenge.name for challenge in challenges if challenge.ruling is Ruling.VIOLATED] == []


def test_every_checker_of_the_contract_has_a_lie_to_see() -> None:
    assert {checker.name for checker in checkers.the_contract} <= {lie.caught_by for lie in LIES}


def watched() -> History:
    """A real run with a backlog whose depth is exported, and an event whose trace leads to its mail."""
    must_hold = tuple({"checker": name, "arguments": {}} for name in sorted(REAL_ONLY))
    told = Story(world="real", offers=(*OFFERS, "queue_depth", "traces"), must_hold=must_hold)
    told.kept("a", 1).read("a", 90, final=True)
    told.span("a", "server", "t1/a").span("a", "producer", "t1/b", parent="a")
    told.span("a", "consumer", "t2/a", links=("t1/b",)).span("a", "client", "t2/b", parent="a", begin_s=1.29, end_s=1.41)
    for number in range(60):
        told.posted(f"e{number}", 1.0, wants_mail=False).stored(f"e{number}", 20)
    return told.scraped(8, 60).scraped(12, 55).scraped(40, 0).quiet(100).history


@pytest.mark.parametrize("checker", sorted(REAL_ONLY))
def test_lies_that_only_a_real_run_can_tell_are_seen_in_one(checker: str) -> None:
    challenges = [challenge for challenge in told(watched()).values() if challenge.caught_by == checker]
    assert [challenge.ruling for challenge in challenges] == [Ruling.HELD], challenges


@pytest.mark.parametrize("name", sorted({lie.caught_by for lie in LIES} - REAL_ONLY))
def test_a_blind_checker_is_found_out(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    sighted = checkers.by_name

    def blind(wanted: str, arguments: dict[str, float]) -> Checker:
        checker = sighted(wanted, arguments)
        return dataclasses.replace(checker, judge=lambda _: Verdict(ruling=Ruling.HELD), needs=()) if wanted == name else checker

    monkeypatch.setattr(checkers, "by_name", blind)
    survived = {challenge.caught_by for challenge in told(*histories()).values() if challenge.ruling is Ruling.VIOLATED}
    assert survived == {name}


def test_one_history_in_which_a_lie_got_away_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow_to_see(history: History) -> Verdict:
        return Verdict(ruling=Ruling.HELD) if history.header.scenario == "deploy" else stored.judge(history)

    stored = checkers.every_accepted_event_is_stored_once
    monkeypatch.setattr(checkers, "by_name", lambda name, arguments: dataclasses.replace(stored, judge=slow_to_see))
    challenge = told(*histories())["a_row_is_lost"]
    assert (challenge.ruling, challenge.scenario, challenge.seeds) == (Ruling.VIOLATED, "deploy", 3)


def test_what_a_system_does_not_show_cannot_be_lied_about() -> None:
    history = histories()[0]
    header = dataclasses.replace(history.header, offers=tuple(offer for offer in history.header.offers if offer != "mails"))
    challenge = told(History(header, history.entries))["a_mail_is_lost"]
    assert challenge.ruling is Ruling.NOT_APPLICABLE
    assert challenge.reason.startswith("needs mails")


def test_a_history_that_was_violated_already_says_nothing() -> None:
    history = histories()[0]
    pair = next(iter(history.promised))
    broken = History(
        history.header, [entry for entry in history.entries if getattr(entry, "pair", None) != pair or entry.kind != "row"]
    )
    challenge = told(broken)["a_row_is_lost"]
    assert challenge.ruling is Ruling.UNKNOWN
    assert "was violated before anything was changed" in challenge.reason


def test_where_the_machine_was_too_busy_to_convict_anybody_a_lie_is_undecided() -> None:
    history = histories()[0]
    stalled = [Probe(at_s=float(second), latency_s=9.0) for second in range(0, 60, 3)]
    real = dataclasses.replace(history.header, world="real")
    challenge = told(History(real, [*stalled, *history.entries]))["ingest_is_away"]
    assert challenge.ruling is Ruling.UNKNOWN
    assert "too busy" in challenge.reason


def test_what_a_service_that_works_first_never_promised_is_no_lie() -> None:
    history = execute(Order(scenario="sendgrid_reply_lost", system="sync", world="simulated", seed=1), None).history
    assert history is not None
    challenges = told(history)
    assert challenges["ingest_is_away"].ruling is Ruling.NOT_APPLICABLE
    assert "does the work before it answers" in challenges["ingest_is_away"].reason
    assert challenges["it_is_finished_late"].ruling is Ruling.NOT_APPLICABLE
    assert [name for name, challenge in challenges.items() if challenge.ruling is Ruling.VIOLATED] == []
