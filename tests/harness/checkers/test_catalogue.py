"""Checkers by name, judging a whole history, and one ruling of it all."""

from __future__ import annotations

import dataclasses

import pytest

from harness import checkers
from harness.results import execution_of
from harness.usage import UsageError
from harness.verdict import Checker, Parameterised, Ruling
from tests.harness.story import Story

ARGUMENTS = {
    "ingest_stays_fast": {"p95_ms": 50},
    "backlog_drains": {"within_seconds": 20},
    "ingest_recovers": {"within_seconds": 5},
    "the_flag_is_followed": {"within_seconds": 1},
}


@pytest.mark.parametrize("name", sorted(checkers.CHECKERS))
def test_every_checker_is_found_by_the_name_a_header_gives_it(name: str) -> None:
    found = checkers.by_name(name, ARGUMENTS.get(name, {}))
    assert found.to_data() == {"checker": name, "arguments": ARGUMENTS.get(name, {})}
    assert getattr(checkers, name) is checkers.CHECKERS[name]
    assert name in checkers.__all__


@pytest.mark.parametrize("name", sorted(checkers.CHECKERS))
def test_every_checker_abstains_from_an_empty_history_and_tells_its_claim(name: str) -> None:
    verdict = checkers.by_name(name, ARGUMENTS.get(name, {}))(Story().history)
    assert verdict.ruling in (Ruling.UNKNOWN, Ruling.NOT_APPLICABLE)
    assert verdict.reason
    assert (verdict.checker, verdict.claim[-1]) == (name, ".")


def test_every_checker_made_in_this_package_is_in_the_catalogue() -> None:
    made = {value.name for value in vars(checkers).values() if isinstance(value, Checker | Parameterised)}
    assert made == set(checkers.CHECKERS)
    assert {known.name for known in checkers.the_contract} <= set(checkers.CHECKERS)
    assert not set(checkers.the_contract) & set(checkers.ALWAYS_JUDGED)


def test_stories_tell_every_claim() -> None:
    told = checkers.stories()
    assert list(told) == list(checkers.CHECKERS)
    assert told["backlog_drains"] == "Every accepted event is finished within N s of its acceptance or of the last fault's end."
    assert told["world_came_to_rest"].startswith("The world came to rest")


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("backlog_drain", {}, "There is no checker 'backlog_drain'. Did you mean 'backlog_drains'?"),
        (
            "backlog_drains",
            {},
            "The checker backlog_drains needs a number for 'within_seconds': backlog_drains(within_seconds=...).",
        ),
        (
            "backlog_drains",
            {"within_second": 1},
            "The checker backlog_drains takes no argument 'within_second'. Did you mean 'within_seconds'?",
        ),
        ("every_fault_bit", {"p95_ms": 1}, "The checker every_fault_bit takes no argument 'p95_ms'. It takes none."),
    ],
)
def test_a_name_or_argument_nobody_knows_is_told_in_one_sentence(name: str, arguments: dict[str, float], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        checkers.by_name(name, arguments)
    assert str(caught.value) == told


def test_a_history_is_judged_by_what_its_header_names_and_then_by_the_evidence() -> None:
    named = ({"checker": "backlog_drains", "arguments": {"within_seconds": 3}}, {"checker": "world_came_to_rest"})
    verdicts = checkers.judge(Story(must_hold=named).kept("a", 1).quiet().history)
    assert [verdict.checker for verdict in verdicts] == [
        "backlog_drains",
        "world_came_to_rest",
        "every_fault_bit",
        "acknowledgements_fell_inside_the_fault",
    ]
    assert "within 3 s" in verdicts[0].claim
    assert checkers.ruling(verdicts) is Ruling.HELD


def test_the_ruling_is_the_worst_of_the_verdicts() -> None:
    contract = tuple(known.to_data() for known in checkers.the_contract)
    broken = Story(must_hold=contract).kept("a", 1).posted("b", 2).quiet()
    assert checkers.ruling(checkers.judge(broken.history)) is Ruling.VIOLATED
    sound = Story(must_hold=contract).kept("a", 1).read("a", 9).quiet()
    assert checkers.ruling(checkers.judge(sound.history)) is Ruling.HELD
    assert checkers.ruling(checkers.judge(Story(must_hold=contract).history)) is Ruling.UNKNOWN
    assert checkers.ruling([]) is Ruling.NOT_APPLICABLE


def test_evidence_alone_rules_nothing() -> None:
    """Where nothing named is left, the run is not applicable, though the world came to rest; and evidence may lower a ruling."""
    named = ({"checker": "a_changed_payload_is_refused"},)
    nothing_left = checkers.judge(Story(must_hold=named).kept("a", 1).quiet().history)
    assert [verdict.ruling for verdict in nothing_left[:2]] == [Ruling.NOT_APPLICABLE, Ruling.NOT_APPLICABLE]
    assert Ruling.HELD in [verdict.ruling for verdict in nothing_left]
    assert checkers.ruling(nothing_left) is Ruling.NOT_APPLICABLE
    restless = checkers.judge(Story(must_hold=named).kept("a", 1).restless().history)
    assert checkers.ruling(restless) is Ruling.NOT_APPLICABLE
    one_left = Story(must_hold=(*named, {"checker": "one_acceptance_per_pair"})).kept("a", 1).restless()
    assert checkers.ruling(checkers.judge(one_left.history)) is Ruling.UNKNOWN


def test_an_execution_of_which_nothing_is_left_says_why() -> None:
    history = Story(must_hold=({"checker": "a_changed_payload_is_refused"},)).kept("a", 1).quiet().history
    execution = execution_of(history, checkers.judge(history), folder="", wall_s=0, cpu_s=0)
    assert execution.ruling is Ruling.NOT_APPLICABLE
    assert execution.reason == "no accepted event was posted again with another payload"


def test_what_was_found_at_an_earlier_rest_is_kept_in_front_of_the_rest_of_the_verdicts() -> None:
    """A checker that a header names and one that is judged always are both upheld, each in its own place."""
    named = (checkers.every_accepted_event_is_stored_once.to_data(),)
    story = Story(must_hold=named).kept("a", 1).quiet()
    before = checkers.judge(story.history)
    story.history.header = checkers.convicted(
        story.history.header, [dataclasses.replace(before[0], ruling=Ruling.VIOLATED, checked=7)]
    )
    after = checkers.judge(story.history)
    assert [(verdict.ruling, verdict.checked) for verdict in after] == [
        (Ruling.VIOLATED, 7),
        *((verdict.ruling, verdict.checked) for verdict in before[1:]),
    ]


def test_the_arguments_of_every_checker_are_written_n_in_its_story() -> None:
    told = checkers.stories()
    assert not [claim for claim in told.values() if "{" in claim]
    assert told["ingest_stays_fast"] == "POST /ingest stays fast: P95 at most N ms, or the system's own limit."
    assert checkers.ingest_stays_fast.claim == "POST /ingest stays fast: P95 at most {p95_ms} ms, or the system's own limit."
