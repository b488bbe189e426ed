"""How far a run has come, on disk: `progress.jsonl`, a line for every few executions, so that it can go on after any end.

The first line says what was asked for and where it comes from. A last line that was cut off is as if it had not been written.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from harness.archive import RunFolder
from harness.campaign.draw import Draw
from harness.campaign.origin import Origin
from harness.campaign.shard import row_of, summed
from harness.results import Campaign, Execution
from harness.usage import UsageError

SCHEMA = 1
NAME = "progress.jsonl"
ON_DISK_WITHIN_SECONDS = 1.0  # what is older survives a power cut; a kill loses nothing that was written


@dataclass
class Progress:
    """The file, open to be continued. `draws` already hold what it tells of."""

    path: Path
    draws: Sequence[Draw]
    origins: Sequence[Origin]
    started_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    before_s: float = 0.0  # how long earlier parts of the run took
    _begun_s: float = field(default_factory=time.monotonic)
    _synced_s: float = field(default_factory=time.monotonic)
    _is_empty: bool = True  # somebody may interrupt between a line and the draw's taking it in, so the draws do not tell
    _file: BinaryIO = field(init=False)

    @classmethod
    def of(cls, folder: Path, draws: Sequence[Draw], *, resume: bool) -> Progress:
        """A new one, or the one a run left in its folder, which the draws then go on from.

        Raises UsageError if that was begun by other words, other code or other files, or if there is none in a folder that holds
        something.
        """
        progress = cls(folder / NAME, draws, [Origin.of(draw.first) for draw in draws])
        goes_on = resume and any(folder.iterdir())
        if goes_on:
            progress._go_on()
        progress._file = progress.path.open("ab")
        if not goes_on:
            progress._write(progress._asked())
        return progress

    @property
    def elapsed_s(self) -> float:
        """How long the run has taken, without its interruptions."""
        return self.before_s + time.monotonic() - self._begun_s

    def note(self, draw: Draw, executions: Sequence[Execution]) -> None:
        """These have ended."""
        told = [one for one in executions if draw.stands_alone(one)]
        row = row_of(one for one in executions if not draw.stands_alone(one))
        self._is_empty = False
        self._write(
            {
                "draw": next(number for number, one in enumerate(self.draws) if one is draw),
                "seeds": [one.seed for one in executions],
                "executions": [dataclasses.asdict(one) for one in told],
                "row": dataclasses.asdict(row) if row else None,
                "elapsed_s": round(self.elapsed_s, 3),
            }
        )

    def close(self) -> None:
        """Nothing more will be noted. Where nothing was, no file is left."""
        os.fsync(self._file.fileno())
        self._file.close()
        if self._is_empty:
            self.path.unlink()

    def _write(self, data: dict[str, Any]) -> None:
        self._file.write(_line(data))
        self._file.flush()
        if time.monotonic() - self._synced_s > ON_DISK_WITHIN_SECONDS:
            os.fsync(self._file.fileno())
            self._synced_s = time.monotonic()

    def _asked(self) -> dict[str, Any]:
        asked = [{"repeat": draw.repeat, **dataclasses.asdict(one)} for draw, one in zip(self.draws, self.origins, strict=True)]
        return {"schema": SCHEMA, "started_at": self.started_at, "asked": asked}

    def _go_on(self) -> None:
        """Take in what the file tells, and cut off what is no whole line."""
        try:
            lines = _whole_lines(self.path)
            first, whole = next(lines, ({}, 0))
            self._require_the_same(first)
            self.started_at = first["started_at"]
            seeds: list[set[int]] = [set() for _ in self.draws]
            for data, end in lines:
                self._take(data, seeds)
                whole = end
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise UsageError(
                f"{self.path} does not say how far a run has come ({type(error).__name__}: {error}); leave out --resume and name "
                "a new folder."
            ) from None
        for draw, ended in zip(self.draws, seeds, strict=True):
            draw.go_on_after(ended)
        os.truncate(self.path, whole)
        told = {one.folder for draw in self.draws for one in draw.executions}
        RunFolder(self.path.parent).remove_all_but(told)

    def _require_the_same(self, first: dict[str, Any]) -> None:
        if not first or first["schema"] != SCHEMA:
            raise ValueError("its first line is missing or of another version")
        now = self._asked()["asked"]
        if [one["repeat"] for one in first["asked"]] != [one["repeat"] for one in now]:
            many = f", and {len(first['asked']) - 1} more" if len(first["asked"]) > 1 else ""
            raise UsageError(f"{self.path.parent} was begun by other words ({first['asked'][0]['repeat']}{many}); repeat those.")
        for before, origin in zip(first["asked"], self.origins, strict=True):
            begun = Origin(**{name.name: before[name.name] for name in dataclasses.fields(Origin)})
            if what := begun.differs_from(origin):
                raise UsageError(
                    f"{self.path.parent} was begun with {what}, and seeds judged before and after would not belong together; "
                    "go back to that, or begin anew in another folder."
                )

    def _take(self, data: dict[str, Any], seeds: list[set[int]]) -> None:
        draw = self.draws[data["draw"]]
        told = [Execution.from_data(one) for one in data["executions"]]
        again = {one.seed for one in told if one.tries > 1}
        draw.executions = [one for one in draw.executions if one.seed not in again] + told
        if data["row"]:
            draw.let_go += len(data["seeds"]) - len(told)
            draw.counted = summed(row for row in (draw.counted, Campaign(**data["row"])) if row is not None)
        seeds[data["draw"]].update(data["seeds"])
        self.before_s = data["elapsed_s"]
        self._is_empty = False


def _line(data: dict[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode() + b"\n"


def _whole_lines(path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """Every line up to the first that is not whole, with where it ends."""
    end = 0
    with path.open("rb") as file:
        for line in file:
            try:
                data = json.loads(line)
            except ValueError:
                return
            if not line.endswith(b"\n"):
                return
            end += len(line)
            yield data, end
