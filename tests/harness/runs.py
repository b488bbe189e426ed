"""Runs that nobody ran: executions with verdicts, the results they make, their report. For tests of what people read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness import acceptance
from harness.archive import RunFolder
from harness.history import History
from harness.report import page
from harness.results import Campaign, Execution, Results, execution_of
from harness.verdict import Ruling, Verdict, Violation
from tests.harness import stories
from tests.harness.story import of

Violated = Sequence[tuple[str, str | None]]  # what was found, and the event it was found of


def ruled(ruling: Ruling, **more: Any) -> Execution:
    """An execution of which little more is known than its ruling."""
    fields: dict[str, Any] = {"name": "s", "world": "real", "seed": 1, "system": "a"}
    return Execution(ruling=ruling, **(fields | more))


def judged(history: History, violated: Violated = (), *, folder: str = "") -> Execution:
    """An execution with three verdicts, of which the middle one is violated or held."""
    verdicts = (
        Verdict(ruling=Ruling.HELD, checked=1, checker="every_fault_bit", claim="Every fault bit."),
        Verdict(
            ruling=Ruling.VIOLATED if violated else Ruling.HELD,
            checked=30,
            violations=tuple(Violation(what, of(name) if name else None) for what, name in violated),
            checker="every_accepted_event_is_stored_once",
            claim="Every accepted event is stored once.",
        ),
        Verdict(
            ruling=Ruling.NOT_APPLICABLE,
            reason="needs claims.breaker_failures, which the system file does not offer",
            checker="provider_is_spared",
            claim="The provider is spared during an outage.",
        ),
    )
    return execution_of(history, verdicts, folder=folder, wall_s=41.2345, cpu_s=0.5)


def stored(folder: RunFolder, history: History, violated: Violated = ()) -> Execution:
    """The same, with its history in a run folder."""
    place = folder.execution_folder(history.header.scenario, history.header.world, history.header.seed)
    folder.keep(history, place)
    return judged(history, violated, folder=folder.relative(place))


def results_of(*executions: Execution, campaigns: tuple[Campaign, ...] = (), system: str = "draft") -> Results:
    """The results of `harness accept`, always of the same moment, commit and machine."""
    return acceptance.with_criteria(
        Results(
            verb="accept",
            system=system,
            ruling=Results.overall(executions, campaigns),
            started_at="2026-11-23T18:00:00+00:00",
            wall_s=123.4,
            harness_version="0.1.0",
            commit="0123456789abcdef",
            python="3.11.7",
            platform="Linux x86_64, 2 CPUs",
            scenarios=executions,
            campaigns=campaigns,
        )
    )


def with_a_crash(folder: RunFolder) -> Results:
    """One violated execution, one that did not apply, one campaign that held."""
    lost = [(f"evt_0000{number} of a5 was accepted and has no row when all is quiet", f"evt_0000{number}") for number in (12, 13)]
    skipped = Execution.not_applicable(
        "redis_restart", world="real", seed=1, system="draft", reason="RedisCrashes needs redis, which the system does not use"
    )
    campaign = Campaign(
        name="worker_crash",
        world="simulated",
        system="draft",
        held=200,
        no_bite=14,
        cpu_s=12.3,
        counts={"accepted": 4000, "lost": 0},
        repeat="harness run worker_crash --seeds 200",
    )
    return results_of(stored(folder, stories.crash(lose=(12, 13)), lost), skipped, campaigns=(campaign,))


def text_of(folder: RunFolder, results: Results) -> str:
    """The report, as it is written."""
    return page.write(folder, results).read_text()


def report_of(folder: RunFolder, *executions: Execution, campaigns: tuple[Campaign, ...] = (), system: str = "draft") -> str:
    """The report of a run of these."""
    return text_of(folder, results_of(*executions, campaigns=campaigns, system=system))
