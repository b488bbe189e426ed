"""junit.xml: a CI server must see a failure for what was violated, an error for what is unknown, and never a pass for either."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from harness import archive, junit
from harness.results import Campaign, Execution
from harness.verdict import Ruling
from tests.harness import runs, stories


def parsed(*executions: Execution, campaigns: tuple[Campaign, ...] = ()) -> ElementTree.Element:
    results = archive.assemble("run", "draft", scenarios=executions, campaigns=campaigns, started_at="now", wall_s=1)
    return ElementTree.fromstring(junit.document(results).split("?>", 1)[1])


def test_a_violation_is_a_failure_with_the_command_that_repeats_it() -> None:
    root = parsed(runs.judged(stories.crash(), [("evt_000012 of a5 is lost", "evt_000012")]))
    suite, failure = root.find("testsuite"), root.find(".//failure")
    assert suite is not None
    assert failure is not None
    assert (suite.get("name"), suite.get("failures"), suite.get("errors")) == ("real", "1", "0")
    assert "evt_000012 of a5 is lost" in (failure.text or "")
    assert "harness run worker_crash --system draft --world real --seed 7" in (failure.text or "")


@pytest.mark.parametrize(
    ("ruling", "element"), [(Ruling.UNKNOWN, "error"), (Ruling.NOT_APPLICABLE, "skipped"), (Ruling.VIOLATED, "failure")]
)
def test_each_ruling_has_its_element(ruling: Ruling, element: str) -> None:
    root = parsed(runs.ruled(ruling, reason="the reason"))
    found = root.find(f".//{element}")
    assert found is not None
    assert found.get("message") == "the reason"


def test_what_held_has_no_element() -> None:
    case = parsed(runs.ruled(Ruling.HELD)).find(".//testcase")
    assert case is not None
    assert list(case) == []


def test_a_campaign_is_one_case_of_its_world() -> None:
    row = Campaign(name="s", world="simulated", system="a", held=199, violated=1)
    root = parsed(runs.ruled(Ruling.HELD), campaigns=(row,))
    assert [suite.get("name") for suite in root] == ["real", "simulated"]
    failure = root.find(".//failure")
    assert failure is not None
    assert "199 held, 1 violated" in (failure.text or "")


def test_characters_that_xml_cannot_hold_do_not_break_it() -> None:
    root = parsed(runs.judged(stories.crash(), [("id \x00 \x1b[31m \ud800 ]]> <b> & \U0001f600", "evt")]))
    failure = root.find(".//failure")
    assert failure is not None
    assert "<b> & \U0001f600" in (failure.text or "")
