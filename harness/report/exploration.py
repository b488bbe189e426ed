"""The chapter of a report about an exploration: what was tried and found, and a table of what nobody tried yet.

It reads the plain data that `explore/exploration.py` put into the results.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.markup.markdown import block, code, plain, table

HOLE = "**–**"
PAIRS_SHOWN = 12
RULINGS = {"held": "held", "violated": "violated", "unknown": "never came to rest", "nothing": "proved nothing"}


def chapter(data: Mapping[str, Any] | None) -> Iterator[str]:
    """The chapter; nothing of a run that explored nothing."""
    if not data:
        return
    yield "## Exploration"
    yield ""
    yield _in_numbers(data)
    yield ""
    yield from _findings(data["findings"])
    yield from _met(data)
    yield from _together(data)
    yield from _undecided(data["undecided"])


def holes(data: Mapping[str, Any]) -> int:
    """How many moments no event had come to when a fault struck, over all faults that could be drawn."""
    return sum(not struck for row in data["met"] for struck in row["struck"])


def _in_numbers(data: Mapping[str, Any]) -> str:
    rulings = data["rulings"]
    told = ", ".join(f"{rulings.get(key, 0):,} {words}" for key, words in RULINGS.items())
    return (
        f"{data['plans']:,} plans of one to three faults were drawn in {data['seconds']:g} s (seed {data['seed']}): {told}. Only "
        "faults were drawn that the system offers and its claims cover."
    )


def _findings(findings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not findings:
        yield "Nothing was found."
        yield ""
        return
    yield "### Found"
    yield ""
    rows = [
        [
            plain(one["name"]),
            plain(one["checker"]),
            plain(" + ".join(one["causes"]) or "no fault"),
            f"{one['events']:,}",
            f"{one['times']:,}",
            _how(one),
        ]
        for one in findings
    ]
    yield from table(["finding", "checker", "faults it takes", "events", "times seen", ""], rows, right=["events", "times seen"])
    yield ""
    for one in findings:
        yield f"`{one['file']}`, again with {code(one['repeat'])}"
        yield ""
        yield from block(one["text"].rstrip().splitlines())
        yield ""


def _how(finding: Mapping[str, Any]) -> str:
    found = finding["found_with"]
    before = f"{found['faults']} faults and {found['events']} events"
    shrunk = f"shrunk from {before}" if finding["is_shrunk"] else "not shrunk: no time was left"
    return shrunk + ("" if finding["reproduces"] else "; running its file did not show it again")


def _met(data: Mapping[str, Any]) -> Iterator[str]:
    yield "### Which fault met which moment of an event's life"
    yield ""
    rows = [[plain(row["fault"]), *map(_cell, row["struck"], row["lasted_over"])] for row in data["met"]]
    yield from table(["fault", *data["moments"]], rows, right=data["moments"])
    yield ""
    left = f"{holes(data)} of {len(data['met']) * len(data['moments'])} are holes ({HOLE}): no event had come so far then"
    yield (
        "How many events had come to that moment when the fault began, and in brackets how many went through it while the fault "
        f"lasted. {left if holes(data) else 'There is no hole'}."
    )
    yield ""


def _cell(struck: int, lasted_over: int) -> str:
    return f"{f'{struck:,}' if struck else HOLE} ({lasted_over:,})"


def _together(data: Mapping[str, Any]) -> Iterator[str]:
    pairs = sorted(data["together"], key=lambda one: -one["plans"])
    possible = len(data["met"]) * (len(data["met"]) + 1) // 2
    if not pairs:
        return
    yield "### Which faults were open together"
    yield ""
    shown = [f"{plain(' + '.join(one['faults']))} ({one['plans']:,})" for one in pairs[:PAIRS_SHOWN]]
    more = f", and {len(pairs) - PAIRS_SHOWN} more pairs" if len(pairs) > PAIRS_SHOWN else ""
    yield f"{len(pairs)} of {possible} pairs, with the number of plans: {', '.join(shown)}{more}."
    yield ""


def _undecided(reasons: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not reasons:
        return
    yield "### Why plans proved nothing"
    yield ""
    yield "They count neither as held nor against the system. Numbers in a reason are written N."
    yield ""
    yield from table(["reason", "plans"], [[plain(one["reason"]), f"{one['plans']:,}"] for one in reasons], right=["plans"])
    yield ""
