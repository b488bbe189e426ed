"""The acceptance criteria as data: what the change promised, and which checkers in which scenarios are the evidence for it.

`judge` reads results only. A criterion is judged if a scenario that puts it to the test ran; what no code can judge yet says
*not covered yet* and stays outside every ruling. Next: `report/page.py`, which prints the table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.load.rows import ACCEPTED_MS
from harness.results import POST, STATUS, Campaign, CriterionRuling, Execution, Results, total
from harness.verdict import Ruling, Verdict, worst

LOAD = "load"  # the evidence is `harness load`, not a scenario: its limits and intervals stand in the results' `load` rows
VOIDS_AN_EXECUTION = ("every_fault_bit", "acknowledgements_fell_inside_the_fault", "world_came_to_rest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One acceptance criterion. Without `checkers` no code judges it yet, and `missing` says what will."""

    name: str
    text: str
    checkers: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()  # scenarios that put it to the test; without one of them it is not judged
    numbers: tuple[tuple[str, str], ...] = ()  # a count of the results and the words that follow it in the evidence
    missing: str = ""


CRITERIA = (
    Criterion(
        name="latency",
        text="POST /ingest answers within P95 50 ms (P50 30 ms, P99 100 ms), GET status within P95 20 ms",
        checkers=(LOAD,),
    ),
    Criterion(
        name="idempotency",
        text="Idempotency prevents duplicate processing",
        checkers=(
            "one_acceptance_per_pair",
            "duplicates_point_to_their_event",
            "a_changed_payload_is_refused",
            "every_accepted_event_is_stored_once",
            "no_unexplained_second_mail",
        ),
        needs=("duplicate_storm",),
        numbers=(
            ("accepted", "accepted events"),
            ("duplicate", "duplicate answers"),
            ("stored_twice", "stored twice"),
            ("mailed_twice", "mailed twice"),
        ),
    ),
    Criterion(
        name="reliability",
        text="Workers process the queue reliably",
        checkers=(
            "every_accepted_event_is_stored_once",
            "every_accepted_event_is_mailed",
            "a_promise_is_readable_at_once",
            "ingest_recovers",
            "processes_stay_up",
            "nothing_is_invented",
            "completed_means_done",
            "failed_is_justified",
            "status_never_goes_back",
            "every_status_becomes_final",
            "backlog_drains",
        ),
        needs=("worker_crash", "worker_frozen", "redis_restart", "postgres_restart", "deploy"),
        numbers=(("accepted", "accepted events"), ("stored", "stored"), ("mailed", "mailed"), ("lost", "lost")),
    ),
    Criterion(
        name="breaker",
        text="The circuit breaker protects SendGrid",
        checkers=("provider_is_spared", "rate_limit_is_respected"),
        needs=("sendgrid_outage", "sendgrid_rate_limit"),
        numbers=(("accepted", "accepted events"), ("mailed", "mailed in the end")),
    ),
    Criterion(
        name="rollback",
        text="The feature flag allows an instant rollback to the synchronous path",
        checkers=("the_flag_is_followed",),  # what else holds then stands under the other criteria
        needs=("flag_flips", "rollback_with_backlog", "rollback_without_redis"),
        numbers=(
            ("accepted", "accepted events"),
            ("lost", "lost"),
            ("stored_twice", "stored twice"),
            ("mailed_twice", "mailed twice"),
        ),
    ),
    Criterion(
        name="queue_depth",
        text="Queue depth is monitored",
        checkers=("queue_depth_shows_the_backlog",),
        needs=("backlog",),
        numbers=(("accepted", "accepted events"),),
    ),
    Criterion(
        name="tracing",
        text="Structured tracing for observability",
        checkers=("a_trace_leads_from_post_to_mail",),
        needs=("baseline",),
        numbers=(("mailed", "mailed events"),),
    ),
)


@dataclass(frozen=True, slots=True)
class _Finding:
    """What one verdict contributes to a criterion."""

    execution: Execution
    verdict: Verdict
    ruling: Ruling


def judge(results: Results) -> tuple[CriterionRuling, ...]:
    """What the results say of each criterion, with the evidence in numbers."""
    return tuple(_judge(criterion, results) for criterion in CRITERIA)


def with_criteria(results: Results) -> Results:
    """The results with what they say of each criterion."""
    return dataclasses.replace(results, criteria=judge(results))


def _judge(criterion: Criterion, results: Results) -> CriterionRuling:
    if not criterion.checkers:
        return _ruled(criterion, None, criterion.missing)
    if criterion.checkers == (LOAD,):
        return _judge_load(criterion, results)
    findings = _findings(criterion, results.scenarios)
    tested = [finding for finding in findings if finding.execution.name in criterion.needs]
    if not tested:
        return _ruled(criterion, None, f"this run did not try it: it takes {_either(criterion.needs)}")
    ruling = worst(finding.ruling for finding in findings)
    if ruling is Ruling.HELD and worst(finding.ruling for finding in tested) is not Ruling.HELD:
        return _ruled(criterion, Ruling.NOT_APPLICABLE, f"not applicable: {tested[0].verdict.reason}")
    told = {Ruling.VIOLATED: _told_violated, Ruling.UNKNOWN: _told_unknown, Ruling.NOT_APPLICABLE: _told_not_applicable}
    tell = told.get(ruling)
    evidence = tell(findings) if tell else _told_held(criterion, findings, results.campaigns)
    return _ruled(criterion, ruling, evidence)


def _ruled(criterion: Criterion, ruling: Ruling | None, evidence: str) -> CriterionRuling:
    return CriterionRuling(
        name=criterion.name, criterion=criterion.text, ruling=ruling, evidence=evidence, checkers=criterion.checkers
    )


def _findings(criterion: Criterion, executions: Sequence[Execution]) -> list[_Finding]:
    return [
        _Finding(execution, verdict, _weight(execution, verdict))
        for execution in executions
        for verdict in execution.verdicts
        if not execution.no_bite and verdict.checker in criterion.checkers
    ]


def _weight(execution: Execution, verdict: Verdict) -> Ruling:
    """A promise that held although nothing went wrong, or before all was quiet, is no evidence that it holds."""
    void = any(other.checker in VOIDS_AN_EXECUTION and other.ruling is Ruling.UNKNOWN for other in execution.verdicts)
    return Ruling.UNKNOWN if void and verdict.ruling is Ruling.HELD else verdict.ruling


def _told_violated(findings: Sequence[_Finding]) -> str:
    guilty = [finding for finding in findings if finding.ruling is Ruling.VIOLATED]
    number = sum(len(finding.verdict.violations) for finding in guilty)
    where = dict.fromkeys(
        f"{finding.verdict.checker} in {finding.execution.name} ({finding.execution.world})" for finding in guilty
    )
    return f"{_plural(number, 'violation')}: {_first(list(where), 4)}"


def _told_unknown(findings: Sequence[_Finding]) -> str:
    undecided = [finding for finding in findings if finding.ruling is Ruling.UNKNOWN]
    where = dict.fromkeys(f"{finding.execution.name} ({finding.execution.world})" for finding in undecided)
    reason = undecided[0].verdict.reason or undecided[0].execution.reason
    return f"could not be decided in {_first(list(where), 4)}: {reason}"


def _told_not_applicable(findings: Sequence[_Finding]) -> str:
    return f"not applicable: {findings[0].verdict.reason}"


def _told_held(criterion: Criterion, findings: Sequence[_Finding], campaigns: Sequence[Campaign]) -> str:
    executions = list(
        {id(finding.execution): finding.execution for finding in findings if finding.ruling is Ruling.HELD}.values()
    )
    names = {execution.name for execution in executions}
    rows = [row for row in campaigns if row.name in names]
    parts = [_plural(len(names), "scenario"), *_numbers(criterion, [*_beside(executions, rows), *rows])]
    seeds = sum(row.held for row in rows)
    return ", ".join(parts) + (f"; {seeds:,} simulated seeds held" if seeds else "")


def _beside(executions: Sequence[Execution], rows: Sequence[Campaign]) -> list[Execution]:
    """Executions that no campaign's row has counted already."""
    counted = {(row.name, row.world, row.system) for row in rows}
    return [execution for execution in executions if (execution.name, execution.world, execution.system) not in counted]


def _numbers(criterion: Criterion, rows: Sequence[Execution | Campaign]) -> list[str]:
    """What rows that held come to: what is lost there was lost beyond what the service claims to survive."""
    sums = [(total(rows, key), words) for key, words in criterion.numbers]
    return [
        f"0 lost within its claims and {value:,} beyond them" if words == "lost" and value else f"{value:,} {words}"
        for value, words in sums
        if value is not None
    ]


def _judge_load(criterion: Criterion, results: Results) -> CriterionRuling:
    """The rows of the system under judgement that have limits: what was measured, with its interval, against each limit."""
    rows = [row for row in results.load if row["role"] == "after" and row["limits_ms"]]
    if not rows:
        return _ruled(criterion, None, f"this run did not try it: it takes `harness load`{_latency_seen(results)}")
    told = [
        f"{row['endpoint']} {name.upper()} {_milliseconds(row[f'{name}_ms'])} of {limit_ms:g} ms"
        for row in rows
        for name, limit_ms in row["limits_ms"].items()
    ]
    load = f"{rows[0]['requests']:,} POSTs at {rows[0]['rate_per_s']:.0f}/s"
    own = {limit_ms for row in rows for limit_ms in row["limits_ms"].values()} - set(ACCEPTED_MS.values())
    told = ["held to its own limits, which are not the criterion's", *told] if own else told
    reasons = [row["reason"] for row in rows if row["reason"]]
    ruling = worst(Ruling(row["ruling"]) for row in rows)
    return _ruled(criterion, ruling, "; ".join([*told, load, *reasons] if ruling is Ruling.HELD else reasons or told))


def _milliseconds(measured: Mapping[str, float | None]) -> str:
    value, low, high = (measured[key] for key in ("value", "low", "high"))
    between = f" ({low:.1f} to {high:.1f})" if low is not None and high is not None else ""
    return ("no answer" if value is None else f"{value:.1f}") + between


def _latency_seen(results: Results) -> str:
    """What the real scenarios happened to see: worth a mention, no evidence."""
    seen = [execution.latency_ms for execution in results.scenarios if execution.world == "real"]
    worst_ms = {name: max((latency[name]["p95"] for latency in seen if name in latency), default=None) for name in (POST, STATUS)}
    told = ", ".join(f"{name} {value:.1f} ms" for name, value in worst_ms.items() if value is not None)
    return f" (worst P95 seen in a real scenario, faults included: {told})" if told else ""


def _either(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _first(items: Sequence[str], number: int) -> str:
    more = f" and {len(items) - number} more" if len(items) > number else ""
    return ", ".join(items[:number]) + more


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
