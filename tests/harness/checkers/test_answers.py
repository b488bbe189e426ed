"""Answers in the words and with the fields of the contract: histories that hold, break and are empty."""

from __future__ import annotations

import pytest

from harness.checkers import answers_follow_the_contract
from harness.verdict import Ruling
from tests.harness.story import Story, of, said


def test_complete_answers_hold_and_what_is_no_2xx_is_not_looked_at() -> None:
    story = Story().posted("a", 1).posted("a", 2, "duplicate").posted("b", 3, "processed").read("a", 4)
    story.refused("c", 5, 422, missing=("id",)).unanswered("d", 6).read("a", 7, None, http_status=404, missing=("id",))
    verdict = story.judged_by(answers_follow_the_contract)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 4), said(verdict)


def test_all_answers_that_lack_the_same_are_one_violation() -> None:
    story = Story().posted("ok", 0).posted("a", 1, missing=("Location", "id")).posted("b", 2, missing=("Location", "id"))
    verdict = story.posted("c", 3, missing=("Location", "id")).judged_by(answers_follow_the_contract)
    assert said(verdict) == "violated; a 202 accepted lacks Location, id (first: a of a5 at 1.010 s, and so do 2 more); "
    assert [violation.pair for violation in verdict.violations] == [of("a")]


def test_answers_of_different_kinds_are_told_apart() -> None:
    story = Story().posted("a", 1, missing=("id",)).posted("b", 2, "processed", missing=("id",)).read("a", 3, missing=("id",))
    assert [violation.what for violation in story.judged_by(answers_follow_the_contract).violations] == [
        "a 202 accepted lacks id (first: a of a5 at 1.010 s)",
        "a 200 processed lacks id (first: b of a5 at 2.010 s)",
        "a status read lacks id (first: a of a5 at 3.010 s)",
    ]


@pytest.mark.parametrize("word", ["queued", "", None])
@pytest.mark.parametrize("http_status", [200, 201, 202])
def test_a_2xx_in_words_of_its_own_is_violated(word: str | None, http_status: int) -> None:
    verdict = Story().posted("a", 1, word, http_status=http_status).judged_by(answers_follow_the_contract)
    assert said(verdict) == (
        f"violated; a {http_status} says {word!r}; expected one of accepted, duplicate, processed (first: a of a5 at 1.010 s); "
    )


def test_answers_abstain_when_nothing_was_answered() -> None:
    assert Story().refused("a", 1).unanswered("b", 2).judged_by(answers_follow_the_contract).ruling is Ruling.UNKNOWN


def test_each_kind_of_wrong_answer_is_told_once_with_the_first_of_it_and_all_are_counted() -> None:
    story = Story().posted("a", 1, "queued").posted("b", 2, "queued").read("c", 3, missing=("result",)).read("d", 4)
    verdict = story.posted("e", 5, "queued", missing=("id",)).judged_by(answers_follow_the_contract)
    assert [(violation.pair, violation.what) for violation in verdict.violations] == [
        (
            of("a"),
            "a 200 says 'queued'; expected one of accepted, duplicate, processed (first: a of a5 at 1.010 s, and so do 2 more)",
        ),
        (of("c"), "a status read lacks result (first: c of a5 at 3.010 s)"),
    ]
    assert verdict.checked == 5


def test_two_that_are_wrong_in_the_same_way_are_one_more() -> None:
    story = Story().posted("a", 1, missing=("id",)).posted("b", 2, missing=("id",))
    assert said(story.judged_by(answers_follow_the_contract)).endswith("(first: a of a5 at 1.010 s, and so do 1 more); ")
