"""Following a file of JSON lines that another process writes: what is complete so far, each line once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Tail:
    """The lines of a file that may not exist yet and still grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_bytes = 0

    def more(self) -> Iterator[dict[str, Any]]:
        """Every complete line since the last call; a line that is still being written comes with the next one."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read_bytes)
                written = file.read()
        except FileNotFoundError:
            return
        complete = written[: written.rfind(b"\n") + 1]
        self._read_bytes += len(complete)
        for line in complete.splitlines():
            yield json.loads(line)
