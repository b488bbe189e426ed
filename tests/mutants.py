"""Mutants of the checkers: `make mutants` breaks their code in every small way mutmut knows, and counts what the tests see.

mutmut leaves decorated functions alone, and every checker is one. So it is given a copy in which `@checker("rows")` above `def x`
reads `x = checker("rows")(x)` below it, which is what a decorator means. What is mutated and which tests are asked is told in
`[tool.mutmut]` of pyproject.toml; figures and what survives, with the reason, in docs/mutants.md.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPY = ROOT / ".mutants"
COPIED = ("harness", "reference", "scenarios", "tests")
ENOUGH = 0.95
DECORATORS = {"checker", "parameterised"}
KILLED = (1, 3)  # a test failed, or pytest could not go on
TIMED_OUT = (-24, -9, 24, 36, 152, 255)


def main() -> int:
    """0 if enough mutants were killed; 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="*", help="mutants by name, with *: 'harness.checkers.mail*' (default: all)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="how many at a time (default: one a core)")
    asked = parser.parse_args()
    prepare()
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(asked.processes), *asked.only]
    without_plugins = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    if done := subprocess.run(command, cwd=COPY, check=False, env=without_plugins).returncode:
        return done
    return tell(outcomes())


def prepare() -> None:
    """Put into `COPY` what mutmut works on; what did not change keeps its date, so that mutmut asks only about what did."""
    for name in COPIED:
        for path in sorted((ROOT / name).rglob("*")):
            if path.is_file() and not {"__pycache__", "node_modules"} & set(path.parts):
                put(COPY / path.relative_to(ROOT), path)
    put(COPY / "pyproject.toml", ROOT / "pyproject.toml")


def put(copy: Path, original: Path) -> None:
    """Write one file's copy, if it says something new."""
    content = original.read_bytes()
    if original.suffix == ".py" and original.is_relative_to(ROOT / "harness"):
        content = undecorated(content.decode()).encode()
    if not copy.exists() or copy.read_bytes() != content:
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content)
        shutil.copymode(original, copy)


def undecorated(source: str) -> str:
    """The same module, with every checker's decorator called below the function."""
    lines = source.splitlines(keepends=True)
    for function in reversed(ast.parse(source).body):
        if isinstance(function, ast.FunctionDef) and len(function.decorator_list) == 1 and function.end_lineno is not None:
            (decorator,) = function.decorator_list
            if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id in DECORATORS:
                lines.insert(function.end_lineno, f"\n\n{function.name} = {ast.unparse(decorator)}({function.name})\n")
                del lines[decorator.lineno - 1 : decorator.end_lineno]
    return "".join(lines)


def outcomes() -> dict[str, int | None]:
    """The exit code of every mutant's test run, by the mutant's name; None where it was not asked."""
    told: dict[str, int | None] = {}
    for path in sorted((COPY / "mutants" / "harness").rglob("*.meta")):
        told |= json.loads(path.read_text())["exit_code_by_key"]
    return told


def tell(told: dict[str, int | None]) -> int:
    """Print how many were killed in each module, then each survivor."""
    asked = {name: code for name, code in told.items() if code is not None}
    seen = {name for name, code in asked.items() if code in KILLED or code in TIMED_OUT}
    everywhere, killed = Counter(map(module_of, asked)), Counter(map(module_of, seen))
    for module, count in sorted(everywhere.items()):
        print(f"{module:32} {killed[module]:5} of {count:5} killed")
    share = len(seen) / len(asked) if asked else 0.0
    for name in sorted(asked.keys() - seen):
        show(name)
    print(f"{len(seen)} of {len(asked)} mutants killed: {share:.1%}, at least {ENOUGH:.0%} wanted")
    return 0 if share >= ENOUGH else 1


def module_of(name: str) -> str:
    """ "harness.checkers.mail" of "harness.checkers.mail.x_touches__mutmut_1"."""
    return name.rpartition(".")[0]


def show(name: str) -> None:
    """What a survivor changed, as a diff without its head."""
    done = subprocess.run([sys.executable, "-m", "mutmut", "show", name], cwd=COPY, check=False, capture_output=True, text=True)
    print(f"survived: {name}", *changed(done.stdout.splitlines()), sep="\n")


def changed(diff: Sequence[str]) -> list[str]:
    """The lines of a diff that say what changed."""
    return [f"    {line}" for line in diff if line.startswith(("-", "+")) and not line.startswith(("---", "+++"))]


if __name__ == "__main__":
    sys.exit(main())
