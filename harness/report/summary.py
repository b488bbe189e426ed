"""The first sentences of a report: whether the promises were kept, and how many were made, for a person who reads no further."""

from __future__ import annotations

from dataclasses import dataclass

from harness import checkers
from harness.markup.markdown import plain
from harness.results import Campaign, Execution, Results
from harness.verdict import Ruling

REMARK_CHARACTERS = 110
NEEDS = "needs "  # how the reason begins why a checker is not applicable that the system file gives nothing to look at
# These judge the service, not what became of an event: an event is kept also where its answer came late.
_OF_THE_SERVICE = (
    "ingest_stays_fast",
    "ingest_stays_available",
    "ingest_recovers",
    "provider_is_spared",
    "rate_limit_is_respected",
    "terminations_are_clean",
    "processes_stay_up",
    "errors_are_problems",
    "answers_follow_the_contract",
)


@dataclass(frozen=True, slots=True)
class Promises:
    """Events the service accepted. One is kept if every checker that judges events could tell, and found nothing against it."""

    made: int
    broken: int
    undecided: int
    beyond: int = 0  # lost to what the service does not claim to survive

    @property
    def kept(self) -> int:
        """Those that were neither broken nor left undecided, nor lost beyond the claims."""
        return self.made - self.broken - self.undecided - self.beyond


def promises(results: Results) -> Promises:
    """How many promises a run saw, and what became of them. A campaign's row stands for all its seeds."""
    covered = {(row.name, row.world, row.system) for row in results.campaigns}
    alone = [one for one in results.scenarios if (one.name, one.world, one.system) not in covered]
    broken = sum(_broken(one) for one in results.scenarios)
    undecided = [one for one in results.scenarios if _leaves_events_undecided(one)]
    counted = [one for one in undecided if not (one.no_bite and (one.name, one.world, one.system) in covered)]
    made = sum(_accepted(row) for row in results.campaigns) + sum(_accepted(one) for one in alone)
    rows: list[Execution | Campaign] = [*results.campaigns, *alone]
    beyond = sum(
        row.counts.get("lost") or 0 for row in rows if row.ruling is Ruling.HELD
    )  # had it been within the claims, the row would not have held
    return Promises(made, broken, sum(_accepted(one) - _broken(one) for one in counted), beyond)


def _accepted(row: Execution | Campaign) -> int:
    return row.counts.get("accepted") or 0


def _broken(execution: Execution) -> int:
    verdicts = [verdict for verdict in execution.verdicts if verdict.checker not in _OF_THE_SERVICE]
    wronged = {violation.pair for verdict in verdicts for violation in verdict.violations if violation.pair}
    return min(len(wronged), _accepted(execution))


def _leaves_events_undecided(execution: Execution) -> bool:
    """Whether a checker of events, or of the evidence, could not tell; one that judges how fast the service is does not count."""
    unknown = [verdict.checker for verdict in execution.verdicts if verdict.ruling is Ruling.UNKNOWN]
    if not unknown:
        return execution.ruling is Ruling.UNKNOWN
    return any(checker not in _OF_THE_SERVICE for checker in unknown)


def not_judged(results: Results) -> list[str]:
    """The claims of the contract nobody looked at, each with the reason, because the system file does not say how to."""
    promised = {checker.name: checker.claim for checker in checkers.the_contract}
    verdicts = [verdict for one in results.scenarios for verdict in one.verdicts if verdict.checker in promised]
    judged = {verdict.checker for verdict in verdicts if not verdict.reason.startswith(NEEDS)}
    reasons = {verdict.checker: verdict.reason for verdict in verdicts if verdict.checker not in judged}
    return [f"{promised[checker].rstrip('.')} ({reason})" for checker, reason in reasons.items()]


def headline(results: Results) -> str:
    """The ruling in one sentence."""
    system = plain(results.system)
    if _interruption(results) and results.ruling is Ruling.UNKNOWN:
        return f"{_interruption(results)}What had ended is told here, the rest nobody knows: that is not a pass."
    if results.verb == "prove":
        return _interruption(results) + _proved(results)
    sentence = {
        Ruling.HELD: f"**Yes: {system} kept its promises** in everything this run tried{_unseen(results)}.",
        Ruling.VIOLATED: f"**No: {system} broke its promises.** What happened to whom stands below, event by event.",
        Ruling.UNKNOWN: f"**It could not be decided whether {system} keeps its promises.** That is not a pass.",
        Ruling.NOT_APPLICABLE: f"**Nothing was judged:** no scenario of this run applies to {system}.",
    }[results.ruling]
    return _interruption(results) + sentence


def _proved(results: Results) -> str:
    """The ruling of a proof: it is about the harness."""
    survivors = [trial.name for trial in results.proof if trial.ruling is Ruling.VIOLATED]
    if survivors:
        return f"**No: the harness did not see everything.** What got away: {plain(', '.join(survivors))}."
    if results.ruling is Ruling.VIOLATED:
        return f"**No: {plain(results.system)}, with nothing planted, broke its promises**, or was accused of it."
    if results.ruling is Ruling.HELD:
        return "**Yes: the harness saw every breach it was shown, and accused nobody without one.**"
    return "**It could not be decided whether the harness sees every breach.** That is not a pass."


def _unseen(results: Results) -> str:
    number = len(not_judged(results))
    return f", but {_plural(number, 'claim')} of the contract nobody judged (below)" if number else ""


def _interruption(results: Results) -> str:
    missing = f"**Missing: {plain(results.missing)}.** " if results.missing else ""
    return missing or (f"**Interrupted {results.interrupted}.** " if results.interrupted else "")


def told_in_numbers(results: Results) -> str:
    """How many promises were made and kept, where."""
    sum_of = promises(results)
    applied = [one for one in results.scenarios if one.ruling is not Ruling.NOT_APPLICABLE]
    rows: list[Execution | Campaign] = [*results.campaigns, *applied]
    names, worlds = {row.name for row in rows}, dict.fromkeys(row.world for row in rows)
    seeds = sum(row.drawn - row.no_bite for row in results.campaigns)
    many = f", {seeds:,} {results.campaigns[0].unit}" if seeds else ""
    where = f"{_plural(len(names), 'scenario')} ({' and '.join(worlds) or 'no world'}{many})"
    violated = {verdict.checker for one in applied for verdict in one.verdicts if verdict.ruling is Ruling.VIOLATED}
    only_that = ", in which alone something was violated," if violated and violated <= set(_OF_THE_SERVICE) else ""
    became = [f"{sum_of.kept:,} kept", f"{sum_of.broken:,} broken"]
    became += [f"{sum_of.undecided:,} could not be decided"] if sum_of.undecided else []
    became += [f"{sum_of.beyond:,} lost beyond what it claims to survive"] if sum_of.beyond else []
    return (
        f"{_plural(sum_of.made, 'promise')} in {where}: **{', '.join(became)}**. A promise is an event the service accepted; "
        f"it is kept if every checker of events could tell and found nothing against it{_undecided(sum_of)}. "
        f"How fast and how available the service was{only_that} is judged beside that."
    )


def _undecided(sum_of: Promises) -> str:
    return ", undecided if one of them could not tell or the run proved nothing" if sum_of.undecided else ""


def worst_first(ruling: Ruling) -> int:
    """What to sort by so that a reader meets what is violated before what is unknown, and the rest after both."""
    order = (Ruling.VIOLATED, Ruling.UNKNOWN)
    return order.index(ruling) if ruling in order else len(order)


def remark(execution: Execution) -> str:
    """Why an execution did not hold, in one short line: the first thing found, or the reason why it could not be told."""
    first = next((violation.what for violation in execution.violations), execution.reason)
    if execution.tries > 1:
        first = f"second try, alone: at the first this machine was too busy to tell{f'; {first}' if first else ''}"
    return first if len(first) <= REMARK_CHARACTERS else f"{first[:REMARK_CHARACTERS].rsplit(' ', 1)[0]}…"


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
