"""The part of a report about single executions: what was done, what each checker says, the time line, and who was wronged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from harness.archive import RunFolder, write_atomically
from harness.history import History, Pair
from harness.markup.markdown import block, code, plain, table
from harness.report import charts
from harness.report.life import life_of
from harness.report.matrix import told
from harness.report.summary import worst_first
from harness.results import Execution, Results
from harness.verdict import Ruling, Verdict

LIVES_SHOWN = 4
VIOLATIONS_SHOWN = 3  # of each checker
CLAIMS_SHOWN = 3
SECTIONS_OF_ONE_KIND = 3  # of a campaign with a hundred violated seeds, the first few tell the story

_WRONG = (Ruling.VIOLATED, Ruling.UNKNOWN)


def all_of(folder: RunFolder, results: Results) -> Iterator[str]:
    """A section for every execution that deserves one. Writes its time line on the way."""
    chosen = _chosen(results)
    if chosen:
        yield "## What happened"
        yield ""
    for execution in chosen:
        yield f"### {plain(heading(execution, results))}"
        yield ""
        yield from _section(folder, execution)
    left_out = sum(_deserves_one(one) for one in results.scenarios) - len(chosen)
    if left_out:
        yield f"{left_out} more like these are stored in `scenarios/`, and `harness check` judges them again."
        yield ""


def heading(execution: Execution, results: Results) -> str:
    """The heading of an execution's section."""
    several = len({one.system for one in results.scenarios}) > 1
    system = f", {execution.system}" if several else ""
    return f"{execution.name}, {execution.world}, seed {execution.seed}{system}"


def has_one(execution: Execution, results: Results) -> bool:
    """Whether an execution has a section."""
    return any(one is execution for one in _chosen(results))


def cannot_be_drawn_again(folder: RunFolder, results: Results) -> list[str]:
    """The time lines that are there although the history they were drawn from is gone."""
    gone = [_picture_of(one) for one in results.scenarios if one.folder and not folder.has_history_of(one)]
    return [picture for picture in gone if (folder.path / picture).exists()]


def finding(execution: Execution) -> str:
    """What is wrong with an execution, in one line of Markdown."""
    wrong = [verdict for verdict in execution.verdicts if verdict.ruling is Ruling.VIOLATED]
    if not wrong:
        return f"unknown, {plain(execution.reason)}"
    told = [f"{plain(verdict.claim.rstrip('.'))} ({len(verdict.violations):,}×)" for verdict in wrong]
    more = f"; and {len(told) - CLAIMS_SHOWN} more" if len(told) > CLAIMS_SHOWN else ""
    return f"violated: {'; '.join(told[:CLAIMS_SHOWN])}{more}"


def _chosen(results: Results) -> list[Execution]:
    taken: dict[tuple[str, str, str, Ruling], int] = {}
    chosen = []
    for one in sorted(results.scenarios, key=lambda execution: worst_first(execution.ruling)):
        kind = (one.name, one.world, one.system, one.ruling)
        if _deserves_one(one) and taken.setdefault(kind, 0) < SECTIONS_OF_ONE_KIND:
            taken[kind] += 1
            chosen.append(one)
    return chosen


def _deserves_one(execution: Execution) -> bool:
    return bool(execution.folder) or execution.ruling in (Ruling.VIOLATED, Ruling.UNKNOWN)


def _section(folder: RunFolder, execution: Execution) -> Iterator[str]:
    history = folder.history_of(execution)
    yield plain(execution.story)
    yield ""
    if history is not None and history.header.traffic:
        yield f"Traffic: {plain(history.header.traffic)}."
        yield ""
    yield from _faults(execution)
    yield from _verdicts(execution.verdicts)
    if history is None:
        yield "Its history was not kept, so there is no time line."
        yield ""
    else:
        yield from _picture(folder, execution, history)
    yield from _violations(execution, history)
    if execution.repeat:
        yield f"Again: {code(execution.repeat)}"
        yield ""


def _faults(execution: Execution) -> Iterator[str]:
    if not execution.faults:
        yield "No faults."
        yield ""
        return
    rows = [
        [
            plain(fault["name"]),
            plain(", ".join(fault.get("processes", ()))),
            f"{fault['begin_s']:.2f}–{fault['end_s']:.2f} s",
            plain(fault["evidence"] or "none: it did not bite"),
            plain(fault.get("story", "")),
        ]
        for fault in execution.faults
    ]
    yield from table(["fault", "hurt", "when", "evidence", "what it is"], rows)
    yield ""


def _verdicts(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """What is wrong in a table, what held in a line: a reader looks for the first and believes the second."""
    wrong = sorted((one for one in verdicts if one.ruling in _WRONG), key=lambda one: worst_first(one.ruling))
    if wrong:
        rows = [[_stuck_together(one.ruling), plain(one.claim), plain(one.checker), plain(_found(one))] for one in wrong]
        yield from table(["ruling", "what must hold", "checker", "found"], rows)
        yield ""
    held = [f"{plain(one.checker)} ({one.checked:,})" for one in verdicts if one.ruling is Ruling.HELD]
    if held:
        yield f"{told(Ruling.HELD)}, with how many things were checked: {', '.join(held)}."
        yield ""
    beside = [f"{plain(one.checker)} ({plain(one.reason)})" for one in verdicts if one.ruling is Ruling.NOT_APPLICABLE]
    if beside:
        yield f"Not applicable: {'; '.join(beside)}."
        yield ""


def claims(results: Results) -> Iterator[str]:
    """What every checker of the run claims, once for all executions."""
    known = {one.checker: one.claim for execution in results.scenarios for one in execution.verdicts}
    if not known:
        return
    yield "## What must hold"
    yield ""
    yield from table(["checker", "claim"], [[plain(checker), plain(claim)] for checker, claim in sorted(known.items())])
    yield ""


def _stuck_together(ruling: Ruling) -> str:
    return told(ruling).replace(" ", "\N{NO-BREAK SPACE}")


def _found(verdict: Verdict) -> str:
    if verdict.violations:
        return f"{len(verdict.violations):,} violations" if len(verdict.violations) > 1 else "1 violation"
    return verdict.reason


def _picture_of(execution: Execution) -> str:
    return f"{execution.folder}/timeline.svg"


def _picture(folder: RunFolder, execution: Execution, history: History) -> Iterator[str]:
    picture = _picture_of(execution)
    write_atomically(folder.path / picture, charts.timeline(history))
    if history.cut_off:
        yield "The history ends in the middle; it was judged up to the cut."
        yield ""
    yield f"![Time line of {plain(execution.name)}]({picture})"
    yield ""


def _violations(execution: Execution, history: History | None) -> Iterator[str]:
    violated = [verdict for verdict in execution.verdicts if verdict.violations]
    for verdict in violated:
        yield f"**{plain(verdict.claim)}** ({plain(verdict.checker)})"
        yield ""
        for violation in verdict.violations[:VIOLATIONS_SHOWN]:
            yield f"- {plain(violation.what)}"
        if len(verdict.violations) > VIOLATIONS_SHOWN:
            yield f"- and {len(verdict.violations) - VIOLATIONS_SHOWN:,} more violations"
        yield ""
    if history is not None:
        yield from _lives(history, _wronged(violated))


def _wronged(violated: Sequence[Verdict]) -> list[Pair]:
    """Every wronged event once: the first of every verdict before the second of any, so that the first few tell the most."""
    ranks = zip_longest(*(verdict.violations for verdict in violated))
    return list(dict.fromkeys(one.pair for rank in ranks for one in rank if one is not None and one.pair is not None))


def _lives(history: History, wronged: Sequence[Pair]) -> Iterator[str]:
    for pair in wronged[:LIVES_SHOWN]:
        yield f"The life of **{plain(pair)}** (seconds since the traffic began):"
        yield ""
        yield from block(life_of(history, pair))
        yield ""
    if len(wronged) > LIVES_SHOWN:
        yield f"{len(wronged) - LIVES_SHOWN:,} more events were wronged in this execution."
        yield ""
