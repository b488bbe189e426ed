"""What mutmut is given to mutate (`make mutants`): the checkers as they are, with their decorators called below them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.constants import changes
from tests.mutants import ROOT, changed, undecorated

JUDGES = sorted([*(ROOT / "harness" / "checkers").glob("*.py"), ROOT / "harness" / "verdict.py"])


def test_a_checkers_decorator_is_called_below_it() -> None:
    written = '@checker("rows", "mails")\ndef a(history):\n    """A."""\n    return 1\n\n\ndef b():\n    pass\n'
    assert undecorated(written) == (
        'def a(history):\n    """A."""\n    return 1\n\n\na = checker(\'rows\', \'mails\')(a)\n\n\ndef b():\n    pass\n'
    )


@pytest.mark.parametrize("path", JUDGES, ids=lambda path: path.stem)
def test_no_function_of_what_judges_is_hidden_from_mutation(path: Path) -> None:
    """mutmut passes decorated functions over, all but class methods."""
    for node in ast.walk(ast.parse(undecorated(path.read_text()))):
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            assert [ast.unparse(decorator) for decorator in node.decorator_list] == ["classmethod"], f"{path}: {node.name}"


def test_of_a_diff_only_what_changed_is_shown() -> None:
    diff = ["--- a.py", "+++ a.py", "@@ -1,2 +1,2 @@", " def a():", "-    return 1", "+    return 2"]
    assert changed(diff) == ["    -    return 1", "    +    return 2"]


def test_every_constant_at_the_head_of_a_module_is_changed_both_ways() -> None:
    written = '__all__ = ["A"]\nT = TypeVar("T", int)\nA: float = 5.0\nB = ("é", 3)\nC = None\n\n\ndef d():\n    e = 7\n'
    told = [(change.name, change.old, change.new) for change in changes(written)]
    assert told == [("A", "5.0", "5.1"), ("A", "5.0", "4.9"), ("B", '"é"', "'XXé'"), ("B", "3", "4"), ("B", "3", "2")]
    assert [change.content.decode() for change in changes(written)][2:4] == [
        written.replace('"é"', "'XXé'"),
        written.replace("3)", "4)"),
    ]
