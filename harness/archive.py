"""Runs on disk: one folder a run, with `results.json`, `junit.xml` and the history of every execution that was kept.

    reports/20261123T180000Z-accept/
        results.json  junit.xml  report.md  *.svg
        scenarios/worker_crash-real-7/history.jsonl (+ process logs)

Whatever is written appears whole or not at all. The values are `results.py`; `report/page.py` adds what people read.
"""

from __future__ import annotations

import os
import platform as machine
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from itertools import count
from pathlib import Path
from typing import Any, NotRequired, TypedDict, Unpack

from harness import junit
from harness.challenge import Challenge
from harness.history import History
from harness.results import Campaign, Counts, CriterionRuling, Execution, Results, counts, execution_of, total
from harness.usage import UsageError

__all__ = [
    "Campaign",
    "Counts",
    "CriterionRuling",
    "Execution",
    "Rest",
    "Results",
    "RunFolder",
    "Versions",
    "assemble",
    "counts",
    "execution_of",
    "histories",
    "open_run",
    "total",
    "versions",
    "write_atomically",
]

DISTRIBUTION = "async-ingestion-harness"
PROJECT = Path(__file__).resolve().parent.parent
HISTORY = "history.jsonl"


@dataclass(frozen=True, slots=True)
class Versions:
    """What ran: enough, with a seed, to run it again."""

    harness: str
    commit: str  # "" if the project is no git checkout
    python: str
    platform: str


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @classmethod
    def create(cls, out: Path | None, verb: str) -> RunFolder:
        """A new folder: `out`, or `reports/<UTC>-<verb>` here (with -2, -3 ... if two begin in one second).

        Raises UsageError if it cannot be made, or if `out` holds something already: nobody should read an older run for this.
        """
        wanted = out or Path("reports") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{verb}"
        if out is not None and out.is_dir() and any(out.iterdir()):
            raise UsageError(f"The folder {out} is not empty; name another with --out DIR, or remove it first.")
        try:
            return cls(_new_folder(wanted, empty_will_do=out is not None))
        except OSError as error:
            raise UsageError(f"The run folder {wanted} cannot be made ({error.strerror}); name another with --out DIR.") from None

    @classmethod
    def reopen(cls, out: Path | None, verb: str) -> RunFolder:
        """The folder of a run that goes on, or a new one if `out` holds nothing. Raises UsageError if it cannot be made."""
        return cls(out) if out is not None and out.is_dir() and any(out.iterdir()) else cls.create(out, verb)

    def execution_folder(self, scenario: str, world: str, seed: int) -> Path:
        """A new folder for what one execution leaves: scenarios/<scenario>-<world>-<seed>/, with -2 if that one is taken."""
        return _new_folder(self.path / "scenarios" / f"{scenario}-{world}-{seed}", empty_will_do=False)

    def set_aside(self, folder: str) -> None:
        """Move an execution's folder, if it is there, out of the way: another one stands for it now."""
        if (self.path / folder).is_dir():
            place = _new_folder(self.path / "first_tries" / Path(folder).name, empty_will_do=False)
            (self.path / folder).rename(place)

    def remove_all_but(self, folders: Collection[str]) -> None:
        """Remove what executions left that are not told of, because somebody killed the run before they had ended."""
        for place in (self.path / "scenarios").glob("*"):
            if self.relative(place) not in folders:
                shutil.rmtree(place)

    def relative(self, folder: Path) -> str:
        """An execution's folder as `Execution.folder` names it."""
        return folder.relative_to(self.path).as_posix()

    def keep(self, history: History, folder: Path) -> Path:
        """Write the history of an execution into its folder."""
        return self.keep_lines(history.lines(), folder)

    def keep_lines(self, lines: Iterable[str], folder: Path) -> Path:
        """The same with what `History.lines` gave in another process."""
        path = folder / HISTORY
        write_atomically(path, "".join(f"{line}\n" for line in lines))
        return path

    def history_of(self, execution: Execution) -> History | None:
        """The stored history of an execution; None if nothing of it was kept. Raises UsageError if it cannot be read."""
        return History.load(self.path / execution.folder / HISTORY) if self.has_history_of(execution) else None

    def has_history_of(self, execution: Execution) -> bool:
        """Whether the history of an execution is stored here."""
        return bool(execution.folder) and (self.path / execution.folder / HISTORY).is_file()

    def write(self, results: Results) -> None:
        """Write `results.json` and `junit.xml`."""
        write_atomically(self.path / "results.json", results.to_json())
        write_atomically(self.path / "junit.xml", junit.document(results))


def open_run(path: Path) -> tuple[RunFolder, Results]:
    """A stored run. Raises UsageError if `path` is not the folder of one."""
    expected = "name a run's folder, such as one in reports/, that holds a results.json the harness wrote"
    try:
        text = (path / "results.json").read_text(encoding="utf-8")
        return RunFolder(path), Results.from_json(text)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read as a run ({_why_unreadable(path, error)}); {expected}.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path / 'results.json'} is not a run's results ({error}); {expected}.") from None


def _why_unreadable(path: Path, error: OSError | UnicodeDecodeError) -> str:
    if not isinstance(error, OSError):
        return str(error)
    if not path.is_dir():
        return "there is no such folder"
    also = f"; `harness check {path}` judges the histories it holds" if any(path.glob(f"scenarios/*/{HISTORY}")) else ""
    return f"it has no results.json{also}" if isinstance(error, FileNotFoundError) else f"{error.strerror}"


def histories(path: Path) -> Iterator[Path]:
    """Every stored history of a run's folder, of one execution's folder, or `path` itself if it is a file.

    Raises UsageError if there is none.
    """
    if path.is_file():
        found = [path]
    elif (path / HISTORY).is_file():
        found = [path / HISTORY]
    else:
        found = sorted((path / "scenarios").glob(f"*/{HISTORY}"))
    if not found:
        raise UsageError(f"{path} holds no history; name a run's folder with scenarios/*/{HISTORY}, or one {HISTORY}.")
    yield from found


class Rest(TypedDict):
    """When a run began (UTC, ISO 8601) and how long it took; the rows of its load run (`load/rows.py`) and its proof."""

    started_at: str
    wall_s: float
    load: NotRequired[Sequence[dict[str, Any]]]
    proof: NotRequired[Sequence[Challenge]]


def assemble(
    verb: str, system: str, *, scenarios: Sequence[Execution], campaigns: Sequence[Campaign] = (), **rest: Unpack[Rest]
) -> Results:
    """The results of a run, with its ruling and the versions of what ran; `acceptance.with_criteria` adds the criteria."""
    ran = versions()
    return Results(
        verb=verb,
        system=system,
        ruling=Results.overall(scenarios, campaigns, rest.get("load", ()), proof=rest.get("proof", ())),
        started_at=rest["started_at"],
        wall_s=round(rest["wall_s"], 3),
        harness_version=ran.harness,
        commit=ran.commit,
        python=ran.python,
        platform=ran.platform,
        scenarios=tuple(scenarios),
        campaigns=tuple(campaigns),
        load=tuple(rest.get("load", ())),
        proof=tuple(rest.get("proof", ())),
    )


def versions() -> Versions:
    """Of the harness, its commit, Python and the machine."""
    try:
        harness = metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:  # run from a checkout that was never installed
        harness = ""
    system = f"{machine.system()} {machine.release()} {machine.machine()}, {os.cpu_count()} CPUs"
    return Versions(harness, _commit(PROJECT / ".git"), ".".join(map(str, sys.version_info[:3])), system)


def write_atomically(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all, also when we are killed meanwhile. Raises UsageError if it cannot be."""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}); make its folder writable, or use another.") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)  # mkstemp makes it private, but a report is to be passed on
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _new_folder(wanted: Path, *, empty_will_do: bool) -> Path:
    for number in count(1):
        path = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError:
            if empty_will_do and path.is_dir() and not any(path.iterdir()):
                return path
    raise AssertionError("unreachable: count() has no end")


def _commit(git: Path) -> str:
    """What `git rev-parse HEAD` says, read from the files: the archive starts no processes, and git may be missing."""
    try:
        if git.is_file():  # a linked worktree
            git = Path(git.read_text(encoding="utf-8").removeprefix("gitdir:").strip())
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head
        shared = git / "commondir"
        root = (git / shared.read_text(encoding="utf-8").strip()) if shared.is_file() else git
        return _ref(root, head.removeprefix("ref: "))
    except OSError:
        return ""


def _ref(root: Path, name: str) -> str:
    loose = root / name
    if loose.is_file():
        return loose.read_text(encoding="utf-8").strip()
    packed = (root / "packed-refs").read_text(encoding="utf-8").splitlines()
    return next((line.split()[0] for line in packed if line.endswith(f" {name}")), "")
