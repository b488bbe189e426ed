"""The pages say what the code does: every checker and every key of a system file has its place, every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness import checkers, scenario
from harness.markup.markdown import slug
from harness.systems import Claims, Limits

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
IN_BACKTICKS = re.compile(r"`(\w+)`")
ASKED_BY = {name: {checker.name for checker in scenario.load(name).must_hold} for name in scenario.names()}
ASKED_WHERE_IT_MAKES_SENSE = ("backlog_drains", "ingest_recovers", "ingest_stays_available")  # too many scenarios to be named
IN_FRONT_OF_A_NAME = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


@pytest.mark.parametrize("name", list(checkers.CHECKERS))
def test_every_checker_stands_in_the_contract_with_its_claim(name: str) -> None:
    row = f"| `{name}` | {checkers.stories()[name]} | "
    assert row in (ROOT / "docs" / "contract.md").read_text(), (
        f"docs/contract.md, 'What you are judged by', needs a row that begins '{row}' and then says in which scenarios, by which "
        "limit, and how to change it"
    )


def test_no_row_names_a_checker_that_is_gone() -> None:
    table = (ROOT / "docs" / "contract.md").read_text().split("## What you are judged by")[1]
    assert set(IN_FRONT_OF_A_NAME.findall(table)) == set(checkers.CHECKERS)


@pytest.mark.parametrize("name", list(checkers.CHECKERS))
def test_the_contract_names_the_scenarios_that_ask(name: str) -> None:
    row = next(line for line in (ROOT / "docs" / "contract.md").read_text().splitlines() if line.startswith(f"| `{name}` | "))
    where = row.removeprefix(f"| `{name}` | {checkers.stories()[name]} | ")
    asked = {wanted for wanted, must_hold in ASKED_BY.items() if name in must_hold}
    named = set(IN_BACKTICKS.findall(where)) & set(ASKED_BY)
    if where.startswith("every scenario"):
        assert asked == set(ASKED_BY)
    elif name in ASKED_WHERE_IT_MAKES_SENSE:
        assert named < asked
    elif not where.startswith("evidence"):
        assert named == asked


@pytest.mark.parametrize("key", [*Limits.model_fields, *Claims.model_fields])
def test_every_limit_and_claim_stands_in_the_page_on_system_files(key: str) -> None:
    assert key in (ROOT / "docs" / "your-service.md").read_text(), f"docs/your-service.md does not say what {key} is"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        if "://" in target:
            continue
        path, _, heading = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name} links to {target}, which is not there"
        headings = (
            {slug(line.lstrip("# ")) for line in file.read_text().splitlines() if line.startswith("#")} if heading else set()
        )
        assert not heading or heading in headings, f"{page.name} links to {target}, and {file.name} has no such heading"
