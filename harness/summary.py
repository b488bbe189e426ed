"""The first sentences of a report: whether the promises were kept, and how many were made, for a person who reads no further."""

from __future__ import annotations

from dataclasses import dataclass

from harness.markdown import plain
from harness.results import Campaign, Execution, Results
from harness.verdict import Ruling


@dataclass(frozen=True, slots=True)
class Promises:
    """Events the service accepted. One is kept if no checker found anything against it in an execution that was decided."""

    made: int
    broken: int
    undecided: int

    @property
    def kept(self) -> int:
        """Those that were neither broken nor left undecided."""
        return self.made - self.broken - self.undecided


def promises(results: Results) -> Promises:
    """How many promises a run saw, and what became of them. A campaign's row stands for all its seeds."""
    covered = {(row.name, row.world, row.system) for row in results.campaigns}
    alone = [one for one in results.scenarios if (one.name, one.world, one.system) not in covered]
    broken = sum(min(_wronged(one), _accepted(one)) for one in results.scenarios)
    undecided = [one for one in results.scenarios if one.ruling is Ruling.UNKNOWN]
    counted = [one for one in undecided if not (one.no_bite and (one.name, one.world, one.system) in covered)]
    made = sum(_accepted(row) for row in results.campaigns) + sum(_accepted(one) for one in alone)
    return Promises(made, broken, sum(_accepted(one) for one in counted))


def _accepted(row: Execution | Campaign) -> int:
    return row.counts.get("accepted") or 0


def _wronged(execution: Execution) -> int:
    return len({violation.pair for violation in execution.violations if violation.pair})


def headline(results: Results) -> str:
    """The ruling in one sentence."""
    system = plain(results.system)
    return {
        Ruling.HELD: f"**Yes: {system} kept its promises** in everything that was tried.",
        Ruling.VIOLATED: f"**No: {system} broke its promises.** What happened to whom stands below, event by event.",
        Ruling.UNKNOWN: f"**It could not be decided whether {system} keeps its promises.** That is not a pass.",
        Ruling.NOT_APPLICABLE: f"**Nothing was judged:** no scenario of this run applies to {system}.",
    }[results.ruling]


def told_in_numbers(results: Results) -> str:
    """How many promises were made and kept, where."""
    sum_of = promises(results)
    applied = [one for one in results.scenarios if one.ruling is not Ruling.NOT_APPLICABLE]
    rows: list[Execution | Campaign] = [*results.campaigns, *applied]
    names, worlds = {row.name for row in rows}, dict.fromkeys(row.world for row in rows)
    seeds = sum(row.drawn - row.no_bite for row in results.campaigns)
    many = f", {seeds:,} seeds" if seeds else ""
    where = f"{_plural(len(names), 'scenario')} ({' and '.join(worlds) or 'no world'}{many})"
    became = [f"{sum_of.kept:,} kept", f"{sum_of.broken:,} broken"]
    became += [f"{sum_of.undecided:,} could not be decided"] if sum_of.undecided else []
    return (
        f"{_plural(sum_of.made, 'promise')} in {where}: **{', '.join(became)}**. A promise is an event the service accepted; "
        "it is kept if no checker found anything against it."
    )


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
