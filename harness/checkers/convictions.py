"""Convictions: a run may come to rest more than once (`harness ui`), and what was violated at one rest stays so at the next.

What was lost then may turn up later, and would be acquitted by a history that knows of the last rest only. So the header keeps
what was found, and `checkers.judge` upholds it, in the run itself as in `harness check`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from harness.history import Header
from harness.verdict import Ruling, Verdict


def convicted(header: Header, verdicts: Iterable[Verdict]) -> Header:
    """The header after a rest: of every checker that found a violation at this one or at an earlier one, the first it found."""
    found = {verdict.checker: dataclasses.asdict(verdict) for verdict in verdicts if verdict.ruling is Ruling.VIOLATED}
    earlier = {data["checker"]: data for data in header.convictions}
    return dataclasses.replace(header, convictions=tuple((found | earlier).values()))


def upheld(header: Header, verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Verdicts, with those of an earlier rest in the place of what would acquit them."""
    earlier = {data["checker"]: data for data in header.convictions}
    return [
        Verdict.from_data(earlier[verdict.checker])
        if verdict.checker in earlier and verdict.ruling is not Ruling.VIOLATED
        else verdict
        for verdict in verdicts
    ]
