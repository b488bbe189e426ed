"""A flaw in real processes: Python runs as it always does, only broken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.traffic import Event
from harness.worlds.real import planted
from tests.harness.worlds.real.toys import opened, toy

FLAW = '''"""Numbers come out one too high."""
import json
from contextlib import contextmanager
@contextmanager
def plant():
    sound = json.dumps
    json.dumps = lambda value: sound(value + 1 if isinstance(value, int) else value)
    yield
    print("left")
'''
SERVICE = "import http.client, json, sys\nimport beside\nprint(__name__, json.dumps(1), *sys.argv[1:], beside.WORD)\n"
ACCEPTS_ALL = '''"""The event is called processed, whatever became of it."""
import json
from contextlib import contextmanager
@contextmanager
def plant():
    sound = json.dumps
    json.dumps = lambda document, **how: sound({**document, "status": "processed"}, **how)
    yield
'''


@pytest.mark.parametrize("words", [["-m", "service"], ["service.py"]])
def test_it_runs_as_python_would_with_the_flaw_planted(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "service.py").write_text(SERVICE)
    (tmp_path / "beside.py").write_text('WORD = "found"\n')
    (tmp_path / "flaw.py").write_text(FLAW)
    command = [sys.executable, "-P", planted.PROGRAM, str(tmp_path / "flaw.py"), *words, "api", "--port", "7"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "__main__ 2 api --port 7 found\nleft\n"


async def test_it_is_planted_into_the_services_processes(tmp_path: Path) -> None:
    (tmp_path / "flaw.py").write_text(ACCEPTS_ALL)
    async with opened(toy(tmp_path), tmp_path, flaw=str(tmp_path / "flaw.py")) as world:
        assert (await world.submit(Event(id="a"), attempt=0)).answer == "processed"
