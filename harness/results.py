"""What a run found, as values: one `Execution` a scenario, one `Campaign` for many seeds of it, all of them in `Results`.

`Results` is `results.json`, byte for byte: `to_json` and `from_json` are inverse. `archive` keeps it on disk, `acceptance` adds
what it means for the criteria, `report` tells it to people. `counts` and `execution_of` make it from a history.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness import checkers
from harness.challenge import Challenge
from harness.history import History, Post, Read, Suffered
from harness.tally import Counts, counts
from harness.verdict import Ruling, Verdict, Violation, worst

SCHEMA = 1
EVIDENCE_CHECKERS = ("every_fault_bit", "acknowledgements_fell_inside_the_fault")
EXPLORE = "explore"  # the name of the row of all plans that were drawn
POST, STATUS = "POST /ingest", "GET /ingest/{id}/status"

__all__ = ["Campaign", "Counts", "CriterionRuling", "Execution", "Results", "counts", "execution_of", "total"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One scenario in one world with one seed. Times in `faults` and `latency_ms` are seconds and milliseconds."""

    name: str
    world: str
    seed: int
    system: str
    ruling: Ruling
    counts: Counts = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    faults: tuple[dict[str, Any], ...] = ()  # name, story, begin_s, end_s, evidence, processes
    latency_ms: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # "POST /ingest" -> requests, p50, p95, p99, max
    repeat: str = ""  # the one command that repeats it
    story: str = ""
    folder: str = ""  # relative to the run folder; "" if nothing of it was kept
    reason: str = ""  # why it is not applicable or unknown, in one sentence
    no_bite: bool = False  # a fault did not bite, so that it proved nothing
    wall_s: float = 0.0
    cpu_s: float = 0.0
    tries: int = 1  # 2: the first time the machine was too busy to tell

    @property
    def noisy(self) -> bool:
        """Whether nothing but a busy machine stands between it and a ruling."""
        undecided = [verdict for verdict in self.verdicts if verdict.ruling is Ruling.UNKNOWN]
        return self.ruling is Ruling.UNKNOWN and bool(undecided) and all(verdict.noisy for verdict in undecided)

    @classmethod
    def not_applicable(cls, name: str, *, world: str, seed: int, system: str, reason: str) -> Execution:
        """A scenario that has nothing to judge in this system, and why."""
        return cls(name=name, world=world, seed=seed, system=system, ruling=Ruling.NOT_APPLICABLE, reason=reason)

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Every violation of every verdict."""
        return tuple(violation for verdict in self.verdicts for violation in verdict.violations)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Execution:
        """The execution `dataclasses.asdict` wrote. Raises KeyError, TypeError or ValueError if it is none."""
        verdicts = tuple(Verdict.from_data(verdict) for verdict in data["verdicts"])
        return cls(**(dict(data) | {"ruling": Ruling(data["ruling"]), "verdicts": verdicts, "faults": tuple(data["faults"])}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """Many seeds of one scenario in one world, in one row. A seed is held, violated, unknown, or its fault did not bite."""

    name: str
    world: str
    system: str
    held: int = 0
    no_bite: int = 0
    wanted: int = 0  # how many seeds had to bite
    violated: int = 0
    unknown: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    counts: Counts = field(default_factory=dict)  # summed over every seed that counts
    repeat: str = ""
    first_seed: int = 0
    seeds: int = 0  # asked for in all shards together; 0 in what is no part of a campaign by seeds
    shard: str = ""  # "3/8": these are every eighth seed, from the third on
    sources: str = ""  # a fingerprint of the files of scenario, system and flaw

    @property
    def unit(self) -> str:
        """What is counted: seeds of a scenario, or plans that were drawn."""
        return "plans" if self.name == EXPLORE else "seeds"

    @property
    def drawn(self) -> int:
        """How many seeds ran, no-bite ones included."""
        return self.held + self.no_bite + self.violated + self.unknown

    @property
    def ruling(self) -> Ruling:
        """Violated if one seed is, else unknown if one seed is or fewer bit than were wanted, else held."""
        if self.violated:
            return Ruling.VIOLATED
        if self.drawn == 0:
            return Ruling.NOT_APPLICABLE
        return Ruling.UNKNOWN if self.unknown or not self.held or self.held < self.wanted else Ruling.HELD

    @classmethod
    def of(cls, executions: Sequence[Execution], *, wanted: int = 0, repeat: str = "", wall_s: float = 0.0) -> Campaign:
        """The row of executions of one scenario, system and world; `wanted` must bite. Raises ValueError without any."""
        if not executions:
            raise ValueError("a campaign of no executions has no name; leave it out")
        first, counted = executions[0], [execution for execution in executions if not execution.no_bite]
        tally = {ruling: sum(execution.ruling is ruling for execution in counted) for ruling in Ruling}
        return cls(
            name=first.name,
            world=first.world,
            system=first.system,
            held=tally[Ruling.HELD],
            no_bite=len(executions) - len(counted),
            wanted=wanted,
            violated=tally[Ruling.VIOLATED],
            unknown=tally[Ruling.UNKNOWN],
            cpu_s=round(sum(execution.cpu_s for execution in executions), 3),
            wall_s=wall_s,
            counts={key: total(counted, key) for key in first.counts},
            repeat=repeat,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionRuling:
    """What the run says of one acceptance criterion. `ruling` None: no code judged it in this run (`evidence` says so)."""

    name: str
    criterion: str
    ruling: Ruling | None
    evidence: str
    checkers: tuple[str, ...] = ()  # whose verdicts are the evidence; empty: no code judges it yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Everything one run found; the keys of `results.json`."""

    verb: str
    system: str
    ruling: Ruling
    started_at: str  # UTC, ISO 8601
    wall_s: float
    harness_version: str
    commit: str
    python: str
    platform: str
    scenarios: tuple[Execution, ...] = ()
    campaigns: tuple[Campaign, ...] = ()
    criteria: tuple[CriterionRuling, ...] = ()
    load: tuple[dict[str, Any], ...] = ()
    exploration: dict[str, Any] | None = None  # what `harness explore` tried and found (`explore/exploration.py`)
    proof: tuple[Challenge, ...] = ()  # of `harness prove`
    interrupted: str = ""  # "after 12 of 143 executions" if somebody stopped the run: then it tells of what had ended
    missing: str = ""  # what several runs that were merged lack: "shard 3/8"
    schema: int = SCHEMA

    def cut_short(self, after: str) -> Results:
        """These results as those of a run somebody interrupted (`after`: "after 12 of 143 executions"): held by nothing."""
        ruling = self.ruling if self.ruling is Ruling.VIOLATED else Ruling.UNKNOWN
        return dataclasses.replace(self, interrupted=after, ruling=ruling)

    def to_json(self) -> str:
        """`results.json`; equal results give equal bytes."""
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Results:
        """The results `to_json` wrote. Raises ValueError, KeyError or TypeError if they are none."""
        data = json.loads(text)
        if not isinstance(data, dict) or data.get("schema") != SCHEMA:
            raise ValueError(f"its schema is not {SCHEMA}")
        parts = {
            "ruling": Ruling(data["ruling"]),
            "scenarios": tuple(Execution.from_data(execution) for execution in data["scenarios"]),
            "campaigns": tuple(Campaign(**campaign) for campaign in data["campaigns"]),
            "criteria": tuple(_criterion(criterion) for criterion in data["criteria"]),
            "load": tuple(data["load"]),
            "proof": tuple(Challenge.from_data(challenge) for challenge in data.get("proof", ())),
        }
        return cls(**(data | parts))

    @staticmethod
    def overall(
        scenarios: Iterable[Execution],
        campaigns: Iterable[Campaign] = (),
        load: Iterable[Mapping[str, Any]] = (),
        *,
        proof: Iterable[Challenge] = (),
    ) -> Ruling:
        """The ruling of a run. A no-bite seed of a campaign does not count by itself: the campaign's row stands for it.

        Of a load run the judged system's limits count, and that it became slower than its baseline; not that nobody could tell
        whether it did, and not what stood beside it for comparison. A lie nobody caught counts as violated.
        """
        rows = tuple(campaigns)
        covered = {(row.name, row.world, row.system) for row in rows}
        alone = [
            execution.ruling
            for execution in scenarios
            if not (execution.no_bite and (execution.name, execution.world, execution.system) in covered)
        ]
        judged = [row for row in load if row["role"] == "after" and row["limits_ms"]]
        limits = [Ruling(row["ruling"]) for row in judged]
        slower = [Ruling.VIOLATED for row in judged if row.get("baseline", {}).get("ruling") == Ruling.VIOLATED]
        return worst([*alone, *(row.ruling for row in rows), *limits, *slower, *(challenge.ruling for challenge in proof)])


def execution_of(history: History, verdicts: Sequence[Verdict], *, folder: str, wall_s: float, cpu_s: float) -> Execution:
    """What a judged history comes to. `folder` is relative to the run folder, "" if nothing of it is kept."""
    header, ruling = history.header, checkers.ruling(verdicts)
    return Execution(
        name=header.scenario,
        world=header.world,
        seed=header.seed,
        system=header.system,
        ruling=ruling,
        counts=counts(history),
        verdicts=tuple(verdicts),
        faults=tuple(_fault(fault) for fault in history.of(Suffered)),
        latency_ms=_latencies(history),
        repeat=header.repeat,
        story=header.story,
        folder=folder,
        reason=_reason(verdicts, ruling),
        no_bite=_did_not_bite(history, verdicts, ruling),
        wall_s=round(wall_s, 3),
        cpu_s=round(cpu_s, 3),
    )


def total(rows: Iterable[Execution | Campaign], key: str) -> int | None:
    """The sum of one count; None if a row does not know it."""
    values = [row.counts.get(key) for row in rows]
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _did_not_bite(history: History, verdicts: Sequence[Verdict], ruling: Ruling) -> bool:
    """A world that never came to rest is a finding of its own, and a violation needs no fault: neither is a no-bite."""
    if ruling is not Ruling.UNKNOWN or not history.is_quiet:
        return False
    suffered = history.of(Suffered)
    missed = len(suffered) < len(history.header.plan) or not all(fault.evidence for fault in suffered)
    return missed or any(verdict.checker in EVIDENCE_CHECKERS and verdict.ruling is Ruling.UNKNOWN for verdict in verdicts)


def _reason(verdicts: Sequence[Verdict], ruling: Ruling) -> str:
    if ruling not in (Ruling.UNKNOWN, Ruling.NOT_APPLICABLE):
        return ""
    return next((verdict.reason for verdict in verdicts if verdict.ruling is ruling), "no checker is left")


def _fault(fault: Suffered) -> dict[str, Any]:
    return {
        "name": fault.name,
        "story": fault.story,
        "begin_s": fault.begin_s,
        "end_s": fault.end_s,
        "evidence": fault.evidence,
        "processes": list(fault.processes),
    }


def _latencies(history: History) -> dict[str, dict[str, float]]:
    """Latency of what was answered well; a refusal in a millisecond must not flatter the percentiles."""
    answered: tuple[tuple[str, list[Post] | list[Read]], ...] = ((POST, history.of(Post)), (STATUS, history.of(Read)))
    samples = {name: sorted((op.end_s - op.begin_s) * 1e3 for op in ops if op.outcome == "ok") for name, ops in answered}
    return {name: _percentiles(values) for name, values in samples.items() if values}


def _percentiles(ordered_ms: Sequence[float]) -> dict[str, float]:
    ranks = {f"p{percent}": ordered_ms[math.ceil(percent / 100 * len(ordered_ms)) - 1] for percent in (50, 95, 99)}
    return {"requests": len(ordered_ms), **{name: round(value, 3) for name, value in (ranks | {"max": ordered_ms[-1]}).items()}}


def _criterion(data: Mapping[str, Any]) -> CriterionRuling:
    ruling = Ruling(data["ruling"]) if data["ruling"] else None
    return CriterionRuling(**(dict(data) | {"ruling": ruling, "checkers": tuple(data["checkers"])}))
