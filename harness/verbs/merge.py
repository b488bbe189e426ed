"""`harness report RUN RUN...`: the seeds of several runs, the shards of a campaign, say, in one new run.

Nothing is executed. What cannot be added up is refused: seeds that ran twice, other code, other files, a run that did not end.
"""

from __future__ import annotations

import dataclasses
import shutil
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import archive
from harness.archive import Campaign, Execution, Results, RunFolder
from harness.campaign.shard import Shard, summed
from harness.usage import UsageError
from harness.verbs.display import announce
from harness.verbs.publication import conclude, run_folder
from harness.verdict import Ruling

Subject = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """One of the runs."""

    folder: RunFolder
    results: Results

    @property
    def name(self) -> str:
        """How the command line named it."""
        return str(self.folder.path)


def merge(words: Namespace) -> Ruling:
    """Merge the runs, write results and report, and show what a person needs to know. Raises UsageError if they do not fit."""
    parts = [Part(*archive.open_run(Path(name))) for name in words.run]
    for part in parts:
        _require_a_campaign(part)
        _require_the_same_code(parts[0], part)
    rows = _rows(parts)
    with run_folder(words.out, "merged") as folder:
        results = merged(parts, rows, scenarios=list(_scenarios(parts, folder)))
    if results.missing:
        announce(f"missing: {results.missing}")
    return conclude(results, folder)


def merged(parts: Sequence[Part], rows: Sequence[Campaign], *, scenarios: Sequence[Execution]) -> Results:
    """The results of all runs as those of one; unknown as long as a shard is missing."""
    first = parts[0].results
    return dataclasses.replace(
        first,
        ruling=Results.overall(scenarios, rows),
        started_at=min(part.results.started_at for part in parts),
        wall_s=round(sum(part.results.wall_s for part in parts), 3),
        python=_distinct(part.results.python for part in parts),
        platform=_distinct(part.results.platform for part in parts),
        scenarios=tuple(scenarios),
        campaigns=tuple(rows),
        missing=_missing(parts),
    )


def _require_a_campaign(part: Part) -> None:
    results = part.results
    covered = {_subject(row) for row in results.campaigns}
    if results.interrupted:
        raise UsageError(f"{part.name} was interrupted {results.interrupted}; go on with it (--resume), then merge.")
    if results.verb != "run" or not covered or any(_subject(one) not in covered for one in results.scenarios):
        raise UsageError(f"{part.name} holds no campaign by seeds; only runs of `harness run --seeds N` can be merged.")
    if not all(row.seeds for row in results.campaigns):
        raise UsageError(f"{part.name} is itself merged, or of an older harness; name the runs themselves.")


def _require_the_same_code(one: Part, other: Part) -> None:
    for what in ("commit", "harness_version", "system"):
        mine, others = getattr(one.results, what), getattr(other.results, what)
        if mine != others:
            raise UsageError(
                f"{one.name} and {other.name} cannot be merged: their {what.replace('_', ' ')} is {mine or 'unknown'} and "
                f"{others or 'unknown'}; what other code did says nothing here."
            )


def _rows(parts: Sequence[Part]) -> list[Campaign]:
    """One row a scenario, world and system. Raises UsageError if a seed is in two of the runs, or a file was another."""
    rows = []
    for found in _by_subject(parts).values():
        seen: dict[int, Part] = {}
        for part, row in found:
            if row.sources != found[0][1].sources:
                raise UsageError(
                    f"{found[0][0].name} and {part.name} cannot be merged: {row.name}, its system or its flaw was another file."
                )
            for seed in _seeds(row):
                if seed in seen:
                    raise UsageError(f"{seen[seed].name} and {part.name} cannot be merged: both have seed {seed} of {row.name}.")
                seen[seed] = part
        rows.append(_row([row for _, row in found]))
    return rows


def _row(rows: Sequence[Campaign]) -> Campaign:
    """The sum, which wants every seed that was asked for in any shard."""
    row = summed(rows)
    assert row is not None
    asked = {(one.first_seed, one.seeds, _shard(one).of): one.repeat.split(" --shard ")[0] for one in rows}
    first, seeds = min(first for first, _, _ in asked), sum(seeds for _, seeds, _ in asked)
    return dataclasses.replace(row, wanted=seeds, repeat="; ".join(asked.values()), first_seed=first, seeds=0, shard="")


def _seeds(row: Campaign) -> Iterator[int]:
    """Every seed it drew."""
    shard = _shard(row)
    drawn = row.drawn or shard.share(row.seeds)  # a scenario that does not apply counts none
    return (shard.seed(number, first=row.first_seed) for number in range(drawn))


def _missing(parts: Sequence[Part]) -> str:
    """The shards nobody brought, in words; "" if there are none."""
    subjects = _by_subject(parts)
    lacking: dict[tuple[str, ...], list[str]] = {}
    for (name, world, _), found in subjects.items():
        if shards := _lacking(row for _, row in found):
            lacking.setdefault(shards, []).append(f"{name} ({world})")
    told = [f"{', '.join(shards)}{_of(names, all_of=len(subjects))}" for shards, names in lacking.items()]
    return f"shard {'; shard '.join(told)}" if told else ""


def _lacking(rows: Iterable[Campaign]) -> tuple[str, ...]:
    brought: dict[tuple[int, int, int], set[int]] = {}
    for row in rows:
        shard = _shard(row)
        brought.setdefault((row.first_seed, row.seeds, shard.of), set()).add(shard.number)
    return tuple(f"{number}/{key[2]}" for key, there in brought.items() for number in range(1, key[2] + 1) if number not in there)


def _of(names: Sequence[str], *, all_of: int) -> str:
    return "" if len(names) == all_of else f" of {', '.join(names)}"


def _scenarios(parts: Sequence[Part], folder: RunFolder) -> Iterator[Execution]:
    """What was kept, brought along; of what held, one of each scenario."""
    shown: set[Subject] = set()
    kept = [(part, one) for part in parts for one in part.results.scenarios]
    for part, one in sorted(kept, key=lambda item: item[1].seed):
        if one.ruling is Ruling.HELD and _subject(one) in shown:
            continue
        shown |= {_subject(one)} if one.ruling is Ruling.HELD else set()
        place = folder.path / one.folder
        if part.folder.has_history_of(one) and not place.exists():
            shutil.copytree(part.folder.path / one.folder, place)
        yield one


def _by_subject(parts: Iterable[Part]) -> dict[Subject, list[tuple[Part, Campaign]]]:
    found: dict[Subject, list[tuple[Part, Campaign]]] = {}
    for part in parts:
        for row in part.results.campaigns:
            found.setdefault(_subject(row), []).append((part, row))
    return found


def _subject(one: Execution | Campaign) -> Subject:
    return one.name, one.world, one.system


def _shard(row: Campaign) -> Shard:
    return Shard.parse(row.shard) if row.shard else Shard()


def _distinct(words: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(words))
