"""`harness run`: scenarios with one seed or a hundred thousand, a shard of them, here or on a cluster, from where it was left.

Next: `steps.py`, `campaign/` (who executes what, what is on disk meanwhile), `merge.py` (several shards in one).
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from harness import archive, scenario, systems
from harness.archive import Results, RunFolder
from harness.campaign.cluster import executor_at
from harness.campaign.progress import Progress
from harness.runner import Order
from harness.systems import System
from harness.usage import UsageError
from harness.verbs.display import announce
from harness.verbs.publication import conclude, run_folder
from harness.verbs.steps import Job, Step, carry_out, worth_a_row
from harness.verdict import Ruling


def run(words: Namespace) -> Ruling:
    """Execute what was asked for, judge it, write the report, and show what a person needs to know."""
    system = systems.load(words.system)
    step = _job(words, system).step()
    with (
        run_folder(words.out, "run", resume=words.resume) as folder,
        _executor(words.cluster) as executor,
        _progress(folder, step, words) as progress,
    ):
        interrupted = carry_out([step], folder, note=progress.note, executor=executor)
    go_on = f"; the same command with --out {folder.path} --resume goes on"
    return conclude(_results(system, step, progress), folder, interrupted=interrupted, go_on=go_on)


def _job(words: Namespace, system: System) -> Job:
    """What was asked for. Raises UsageError where the words do not fit together."""
    world = words.world or ("simulated" if system.simulation is not None else "real")
    names = words.scenario or scenario.names()
    for name in names:
        scenario.load(name)
    if not words.shard.share(words.seeds):
        raise UsageError(f"Of {words.seeds} seeds nothing is left for shard {words.shard}; give more --seeds, or fewer shards.")
    if words.resume and words.out is None:
        raise UsageError("--resume goes on with what a folder holds; name it with --out DIR.")
    if words.cluster and world == "real":
        raise UsageError("--cluster is for the simulation: real processes run on this machine; leave it out, or use --shard.")
    first = {"system": words.system, "world": world, "seed": words.seed, "full_traffic": words.full_traffic, "flaw": words.flaw}
    return Job(tuple(Order(scenario=name, **first) for name in names), words.seeds, words.shard)


@contextmanager
def _executor(cluster: str) -> Iterator[Executor | None]:
    if not cluster:
        yield None
        return
    with executor_at(cluster) as executor:
        yield executor


@contextmanager
def _progress(folder: RunFolder, step: Step, words: Namespace) -> Iterator[Progress]:
    progress = Progress.of(folder.path, step.draws, resume=words.resume)
    if ended := sum(draw.ended for draw in step.draws):
        announce(f"going on in {folder.path}, where {ended:,} executions have ended")
    try:
        yield progress
    finally:
        progress.close()


def _results(system: System, step: Step, progress: Progress) -> Results:
    origins = zip(step.draws, progress.origins, strict=True)
    return archive.assemble(
        "run",
        system.name,
        scenarios=worth_a_row(step.draws),
        campaigns=[draw.row(sources=origin.sources) for draw, origin in origins if draw.is_campaign and draw.ended],
        started_at=progress.started_at,
        wall_s=progress.elapsed_s,
    )
