"""The house rules, as tests whose messages teach. Change a rule here if the code taught you something better, and say why.

An import only points down the list of `LAYERS`; sizes keep every file within what one person can hold in mind.
"""

from __future__ import annotations

import ast
import itertools
import re
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("harness", "reference", "scenarios", "loadtests")

LAYERS = (  # top first: a module may import those of its own row and of the rows below
    ("cli", "__main__"),
    ("verbs",),
    ("live", "explore"),
    ("report", "acceptance", "load", "prove"),
    ("markup",),
    ("campaign",),
    ("runner",),
    ("archive", "junit", "results", "challenge", "tally", "performance", "client"),
    ("worlds",),
    ("systems", "scenario"),
    ("validation",),
    ("checkers",),
    ("verdict",),
    ("history", "faults", "traffic", "streams", "submissions"),
    ("entries",),
    ("usage",),
)
STANDARD_LIBRARY_ONLY = ("entries", "history", "faults", "traffic", "streams", "submissions", "verdict", "checkers", "usage")
ONLY_WORLDS_KNOW = {"redis", "asyncpg", "httpx", "fakeredis", "h11", "time_machine"}
MAY_START_PROCESSES = (
    "harness/worlds/real/",
    "harness/load/generator.py",
    "harness/campaign/pool.py",
    "harness/campaign/apart.py",
)
# geventhttpclient is what Locust's own fast client stands on, and its page is a Flask application
LOADTESTS_KNOW = {"locust", "gevent", "geventhttpclient", "flask"}
PURE_LOADTESTS = ("schedule", "workload", "contract", "record")  # tests may import these; the rest patches the process
OPENED_BY_LOCUST = ("tests/loadtests/closed_loop.py", "tests/benchmarks/plain_user.py")
FORBIDDEN_NAMES = {"utils", "helpers", "common", "base", "manager", "misc"}

LONGEST_FILE = 300
LONGEST_TEST_FILE = 320
ONE_FILE_BY_DESIGN = {"tests/foreign/service.py"}  # somebody else's whole service, to be read at a sitting
LONGEST_FUNCTION = 50
MEDIAN_FUNCTION = 10
MOST_PARAMETERS = 5
MOST_POSITIONAL = 3


def files() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def our_tests() -> list[Path]:
    return sorted((ROOT / "tests").rglob("*.py"))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """Every module a file imports, with its line; `from harness import x` counts as harness.x."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            joined = node.module in PACKAGES
            yield from ((f"{node.module}.{alias.name}" if joined else node.module, node.lineno) for alias in node.names)


def row_of(module: str) -> int | None:
    return next((number for number, row in enumerate(LAYERS) if module in row), None)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


@pytest.mark.parametrize("path", [path for path in files() if path.parts[len(ROOT.parts)] == "harness"], ids=named)
def test_an_import_only_points_down(path: Path) -> None:
    module = path.relative_to(ROOT / "harness").parts[0].removesuffix(".py")
    if module == "__init__":
        return  # the words a scenario is written in
    own = row_of(module)
    assert own is not None, f"{named(path)} stands in no layer: add '{module}' to LAYERS where it belongs"
    for name, line in imported(path):
        parts = name.split(".")
        if parts[0] != "harness" or len(parts) < 2:
            continue
        other = row_of(parts[1])
        assert other is not None, f"{named(path)}:{line} imports {name}, which stands in no layer"
        assert other >= own, (
            f"{named(path)}:{line} imports {name}, which is above it; move what both need down, or pass it as an argument"
        )


@pytest.mark.parametrize("path", files(), ids=named)
def test_packages_keep_apart(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    for name, line in imported(path):
        top = name.split(".")[0]
        where = f"{named(path)}:{line}"
        if package == "reference":
            assert top not in ("harness", "scenarios", "tests"), f"{where}: the reference imports nothing of ours, here {name}"
        if package == "harness":
            assert top not in ("reference", "scenarios", "tests"), (
                f"{where}: the harness never imports {top}; systems are named in TOML files and loaded by name"
            )
        if package == "scenarios" and top == "harness":
            words = {"Scenario", "amid_work", "at_operation", "between", "checkers", "faults", "mail", "traffic", "upon"}
            assert name.removeprefix("harness.") in words, f"{where}: a scenario is written in the words of harness/__init__.py"


@pytest.mark.parametrize("path", [*files(), *our_tests()], ids=named)
def test_only_locusts_process_knows_locust(path: Path) -> None:
    package, stem = path.relative_to(ROOT).parts[0], path.stem
    if named(path) in OPENED_BY_LOCUST:
        return
    for name, line in imported(path):
        top, *rest = name.split(".")
        where = f"{named(path)}:{line} imports {name}"
        if package == "loadtests":
            known = top in sys.stdlib_module_names or top == "loadtests" or (top in LOADTESTS_KNOW and stem not in PURE_LOADTESTS)
            assert known, f"{where}: load tests stand on Locust, gevent and Python alone (pure modules on Python alone)"
        else:
            assert top not in LOADTESTS_KNOW, f"{where}: Locust patches its process; start `locust` as one of its own"
        if top == "loadtests" and (package != "loadtests" or stem in PURE_LOADTESTS):
            may = rest and rest[0] in PURE_LOADTESTS and package in ("tests", "loadtests")
            assert may, f"{where}: only tests may, and only what is pure: {', '.join(PURE_LOADTESTS)}"


@pytest.mark.parametrize("path", [path for path in files() if path.parts[len(ROOT.parts)] == "harness"], ids=named)
def test_only_worlds_touch_the_world(path: Path) -> None:
    name = named(path)
    tops = {imported_name.split(".")[0] for imported_name, _ in imported(path)}
    if not name.startswith("harness/worlds/"):
        touched = tops & ONLY_WORLDS_KNOW
        assert not touched, f"{name} imports {', '.join(sorted(touched))}: only harness/worlds/ knows servers and clients"
    if not name.startswith(MAY_START_PROCESSES):
        assert not tops & {"subprocess", "multiprocessing"}, f"{name} starts processes; only worlds/real and the campaign pool do"


@pytest.mark.parametrize("path", files(), ids=named)
def test_plain_data_stands_on_the_standard_library(path: Path) -> None:
    parts = path.relative_to(ROOT).parts
    if parts[0] != "harness" or parts[1].removesuffix(".py") not in STANDARD_LIBRARY_ONLY:
        return
    for name, line in imported(path):
        top = name.split(".")[0]
        assert top in sys.stdlib_module_names or top == "harness", (
            f"{named(path)}:{line} imports {name}; what is judged and how stays readable with Python alone"
        )


@pytest.mark.parametrize("path", files(), ids=named)
def test_files_fit_in_one_mind(path: Path) -> None:
    assert_short(path, most=LONGEST_FILE)
    assert path.stem not in FORBIDDEN_NAMES, f"{named(path)}: name the concept; '{path.stem}' is where things go to be forgotten"


@pytest.mark.parametrize("path", our_tests(), ids=named)
def test_tests_fit_in_one_mind_and_take_nothing_from_each_other(path: Path) -> None:
    if named(path) not in ONE_FILE_BY_DESIGN:
        assert_short(path, most=LONGEST_TEST_FILE)
    for name, line in imported(path):
        module = name.split(".")
        shared = module[0] == "tests" and any(part.startswith("test_") for part in module)
        assert not shared, f"{named(path)}:{line} imports {name}: move what both need to a file named after it"


def assert_short(path: Path, *, most: int) -> None:
    lines = path.read_text().count("\n")
    assert lines <= most, f"{named(path)} has {lines} lines, at most {most}: split it by concept"


@pytest.mark.parametrize("path", files(), ids=named)
def test_functions_are_short_and_take_little(path: Path) -> None:
    for function in functions(path):
        where = f"{named(path)}:{function.lineno} {function.name}"
        assert length(function) <= LONGEST_FUNCTION, (
            f"{where} has {length(function)} lines, at most {LONGEST_FUNCTION}: name its steps and make them functions"
        )
        arguments = function.args
        positional = [a for a in arguments.posonlyargs + arguments.args if a.arg not in ("self", "cls")]
        assert len(positional) + len(arguments.kwonlyargs) <= MOST_PARAMETERS, (
            f"{where} takes more than {MOST_PARAMETERS} parameters: group what belongs together in a value"
        )
        assert len(positional) <= MOST_POSITIONAL, (
            f"{where} takes {len(positional)} positional parameters: make all past the first keyword-only"
        )


def test_the_median_function_is_small() -> None:
    median = statistics.median(length(function) for path in files() for function in functions(path))
    assert median < MEDIAN_FUNCTION, f"the median function has {median} lines; it should stay under {MEDIAN_FUNCTION}"


@pytest.mark.parametrize("path", files(), ids=named)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), f"{named(path)} has no docstring: what is it, and where to go next?"


@pytest.mark.parametrize("path", [p for p in files() if p.parts[len(ROOT.parts)] == "harness"], ids=named)
def test_public_functions_are_documented(path: Path) -> None:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{named(path)}:{node.lineno} {node.name} is public and says nothing: add a docstring"


def test_the_lock_names_no_host() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    assert not [line for line in lines if re.search(r"https?://|--(extra-)?index-url|--find-links", line)]
    assert all("--hash=" in following for line, following in itertools.pairwise(lines) if re.match(r"\S+==", line))
