"""Constants of the checkers, which mutmut passes over: each is changed a little both ways, and the tests have to see it.

The second half of `make mutants`. A number with a point moves by 2 %, a whole one by one, a word gets two letters in front.
What nobody could tell is listed in docs/mutants.md.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.mutants import COPY, ENOUGH, prepare

ASK = ("-x", "-q", "-o", "addopts=--import-mode=importlib", "-p", "no:cacheprovider", "-p", "no:unraisableexception")
ASKED = ("tests/harness/checkers", "tests/harness/test_verdict.py", "--ignore=tests/harness/checkers/test_small_flaws.py")


class Change(NamedTuple):
    """Another value in the place of one constant: its name, what it says, what it shall say, and the whole file then."""

    name: str
    old: str
    new: str
    content: bytes


def main() -> int:
    """0 if enough changes were seen; 1 if not."""
    prepare()
    if not holds():
        print("the tests fail before anything is changed")
        return 1
    changed = seen = 0
    for path in sorted([*(COPY / "harness" / "checkers").glob("*.py"), COPY / "harness" / "verdict.py"]):
        for change in changes(path.read_text()):
            survived = holds_with(path, change.content)
            changed, seen = changed + 1, seen + (not survived)
            if survived:
                print(f"survived: {path.relative_to(COPY)} {change.name}: {change.old} -> {change.new}")
    print(f"{seen} of {changed} changed constants seen, at least {ENOUGH:.0%} wanted")
    return 0 if seen >= ENOUGH * changed else 1


def changes(source: str) -> Iterator[Change]:
    """Every change of a constant at the head of a module; what it exports and type variables are left alone."""
    lines, content = source.encode().splitlines(keepends=True), source.encode()
    starts = [sum(map(len, lines[:number])) for number in range(len(lines))]
    for statement in ast.parse(source).body:
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
            continue
        name = ast.unparse(statement.targets[0] if isinstance(statement, ast.Assign) else statement.target)
        if name == "__all__" or ast.unparse(statement.value).startswith("TypeVar("):
            continue
        for node in ast.walk(statement.value):
            if isinstance(node, ast.Constant) and node.end_lineno is not None and node.end_col_offset is not None:
                begin, end = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
                for new in others(node.value):
                    yield Change(name, content[begin:end].decode(), new, content[:begin] + new.encode() + content[end:])


def others(value: object) -> list[str]:
    """What to write in the place of a value."""
    if isinstance(value, float):
        return [repr(value * 1.02), repr(value * 0.98)]
    if isinstance(value, int) and not isinstance(value, bool):
        return [repr(value + 1), repr(value - 1)]
    return [repr(f"XX{value}")] if isinstance(value, str) else []


def holds_with(path: Path, content: bytes) -> bool:
    """Whether the tests hold with another content of one file, which is put back afterwards as it was, date and all."""
    original, dates = path.read_bytes(), path.stat()
    try:
        path.write_bytes(content)
        return holds()
    finally:
        path.write_bytes(original)
        os.utime(path, (dates.st_atime, dates.st_mtime))


def holds() -> bool:
    """Whether the tests hold."""
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", *ASK, *ASKED]
    return subprocess.run(command, cwd=COPY, env=environment, check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
