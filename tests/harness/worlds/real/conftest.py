"""What the tests of the real world share: a guarded folder, ports, and waiting for a condition instead of sleeping."""

from __future__ import annotations

import os
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from harness.worlds.real.ports import Ports
from harness.worlds.real.processes import Command, Guard


@pytest.fixture
def ports() -> Iterator[Ports]:
    drawn = Ports()
    yield drawn
    drawn.close()


@pytest.fixture
async def guard() -> AsyncIterator[Guard]:
    started = await Guard.start(Path(tempfile.gettempdir(), f"stack-{uuid.uuid4().hex}"))  # pytest's folders are private
    yield started
    await started.stop()


@pytest.fixture
def python(tmp_path: Path) -> Callable[[str, str], Command]:
    """A command that runs a Python program."""

    def command(name: str, program: str) -> Command:
        return Command(
            name=name,
            argv=[sys.executable, "-I", "-S", "-u", "-c", program],
            env=dict(os.environ),
            cwd=tmp_path,
            log=tmp_path / f"{name}.log",
        )

    return command
