"""The proof in the report: survivors first, a picture that is one, and which claims could be judged at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from harness.archive import RunFolder, assemble
from harness.challenge import FLAW, TAMPERING, Challenge
from harness.prove import chapter
from harness.prove.picture import picture
from harness.report import page
from harness.results import Execution, Results
from harness.verdict import Ruling, Verdict


def challenge(name: str, ruling: Ruling = Ruling.HELD, **more: Any) -> Challenge:
    told: dict[str, Any] = {
        "kind": FLAW,
        "story": f"The story of {name}.",
        "caught_by": "nothing_is_invented",
        "scenario": "baseline",
        "world": "simulated",
        "system": "async",
        "accused": ("nothing_is_invented",) if ruling is Ruling.HELD else (),
        "seed": 3 if ruling is Ruling.HELD else None,
        "seeds": 3,
        "cpu_s": 0.25,
        "reason": "" if ruling is Ruling.HELD else "it saw nothing in 3 schedules",
    }
    return Challenge(name=name, ruling=ruling, **(told | more))


def results(*proof: Challenge, verdicts: tuple[Verdict, ...] = ()) -> Results:
    control = Execution(name="baseline", world="simulated", seed=1, system="async", ruling=Ruling.HELD, verdicts=verdicts)
    return assemble("prove", "async", scenarios=[control], proof=proof, started_at="2026-01-01T00:00:00+00:00", wall_s=1.0)


def test_a_survivor_is_violated_and_stands_first(tmp_path: Path) -> None:
    found = results(challenge("caught_a"), challenge("survivor", Ruling.VIOLATED))
    text = page.render(RunFolder(tmp_path), found)
    assert found.ruling is Ruling.VIOLATED
    assert "**No: the harness did not see everything.** What got away: survivor." in text
    assert text.index("| survivor |") < text.index("| caught_a |")
    assert "The story of survivor. **it saw nothing in 3 schedules**" in text


def test_when_all_are_caught_it_held() -> None:
    found = results(
        challenge("a"), challenge("b"), challenge("lie", kind=TAMPERING), challenge("none", Ruling.NOT_APPLICABLE, kind=TAMPERING)
    )
    assert found.ruling is Ruling.HELD
    assert chapter.in_a_sentence(found) == (
        "2 of 2 planted flaws were caught by the checker meant for each and "
        "1 of 1 lies told into histories that had held were seen."
    )


def test_what_was_not_decided_is_no_pass(tmp_path: Path) -> None:
    found = results(challenge("a"), challenge("b", Ruling.UNKNOWN))
    assert found.ruling is Ruling.UNKNOWN
    assert "That is not a pass." in page.render(RunFolder(tmp_path), found)


def test_every_claim_says_whether_it_could_be_judged(tmp_path: Path) -> None:
    verdicts = (
        Verdict(ruling=Ruling.HELD, checker="nothing_is_invented", checked=1),
        Verdict(
            ruling=Ruling.NOT_APPLICABLE, checker="every_accepted_event_is_mailed", reason="needs mails, which it does not offer"
        ),
    )
    lines = page.render(RunFolder(tmp_path), results(challenge("a"), verdicts=verdicts)).splitlines()
    judged = {
        line.split(" | ")[0].removeprefix("| "): line
        for line in lines[lines.index("## What the harness could judge") : lines.index("## Scenarios")]
    }
    assert "| yes, in 1 history | 1 flaw |" in judged["nothing_is_invented"]
    assert "| no: needs mails, which it does not offer | none |" in judged["every_accepted_event_is_mailed"]
    assert "| no scenario of this run asks for it | none |" in judged["backlog_drains"]


def test_the_picture_shows_who_was_meant_to_see_each_flaw_and_who_else_did() -> None:
    caught = challenge("a", accused=("nothing_is_invented", "backlog_drains"))
    drawn = ElementTree.fromstring(picture([caught, challenge("b", Ruling.VIOLATED), challenge("c", world="real")]))
    texts = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[:5] == ["nothing_is_invented", "backlog_drains", "a", "b", "c (real)"]
    styles = [element.get("class") for element in drawn.iter("{http://www.w3.org/2000/svg}rect")]
    assert styles.count("violated cell") == 1 + 1  # one cell and the legend
    assert styles.count("held") == 2 + 1
    assert styles.count("violated") == 1 + 1


def test_a_proof_is_read_back_as_it_was_written() -> None:
    found = results(challenge("a"), challenge("b", Ruling.VIOLATED))
    assert Results.from_json(found.to_json()) == found


def test_results_of_before_have_no_proof() -> None:
    text = results().to_json().replace(' "proof": [],\n', "")
    assert '"proof"' not in text
    assert Results.from_json(text).proof == ()


def test_where_the_worlds_disagree_is_told_first(tmp_path: Path) -> None:
    found = results(
        challenge("a"),
        challenge("a", world="real"),
        challenge("b"),
        challenge("b", Ruling.VIOLATED, world="real"),
        challenge("c"),
    )
    lines = page.render(RunFolder(tmp_path), found).splitlines()
    section = lines[lines.index("## Do the two worlds agree?") :]
    assert section[2] == "1 of 2 times the simulation and the real processes gave the same ruling."
    assert section[6:8] == [
        "| b | baseline | async | ✗ violated | ✓ held | **no** |",
        "| a | baseline | async | ✗ violated | ✗ violated | yes |",
    ]
    assert section[8] == ""


def test_in_one_world_there_is_nothing_to_agree(tmp_path: Path) -> None:
    assert "agree?" not in page.render(RunFolder(tmp_path), results(challenge("a")))
