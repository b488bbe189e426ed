"""`harness prove` as a person types it: a flaw nobody sees makes it exit 1, and what it was asked for in vain exits 2."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness import systems
from tests.command import harness, last_lines

HARMLESS = '''"""Nothing is wrong with it."""
from contextlib import nullcontext as plant
CAUGHT_BY, IN = "nothing_is_invented", "baseline"
'''


def system(tmp_path: Path, *flaws: str) -> str:
    """The reference with these flaws of its own and the harmless one."""
    own = Path(systems.load("async").path).parent
    folder = tmp_path / "flaws"
    folder.mkdir()
    for name in flaws:
        (folder / f"{name}.py").write_text((own.parent / "flaws" / f"{name}.py").read_text())
    (folder / "harmless.py").write_text(HARMLESS)
    (tmp_path / "mine.toml").write_text((own / "async.toml").read_text().replace('"../flaws"', '"flaws"'))
    return str(tmp_path / "mine.toml")


def test_what_survives_makes_it_exit_1(tmp_path: Path) -> None:
    mine = system(tmp_path, "no_dedupe", "mail_errors_swallowed")
    done = harness("prove", "--system", mine, "--world", "simulated", "--seeds", "3", "--out", str(tmp_path / "out"))
    assert done.returncode == 1, last_lines(done)
    assert "survived harmless (simulated): nothing_is_invented saw nothing in 3 schedules" in done.stderr
    assert "caught no_dedupe (simulated, seed 1) by one_acceptance_per_pair" in done.stderr
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    flaws = {row["name"]: row for row in results["proof"] if row["kind"] == "flaw"}
    assert {name: row["ruling"] for name, row in flaws.items()} == {
        "harmless": "violated",
        "mail_errors_swallowed": "held",
        "no_dedupe": "held",
    }
    assert [(row["violated"], row["unknown"]) for row in results["campaigns"]] == [(0, 0)] * 3, "the sound reference was accused"
    assert {row["ruling"] for row in results["proof"] if row["kind"] == "tampering"} == {"held", "not_applicable"}
    assert_convicts(tmp_path / "out", flaws["no_dedupe"])


def assert_convicts(run: Path, row: dict[str, Any]) -> None:
    """The history a caught flaw left is judged again, and violated again."""
    done = harness("check", str(run / row["folder"] / "history.jsonl"))
    assert done.returncode == 1, last_lines(done)
    assert f"violated {row['caught_by']}" in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--system", "draft", "--world", "simulated"), "names no flaws"),
        (("--seeds", "0"), "expected a whole number from 1 on"),
        (("--world", "imagined"), "invalid choice"),
    ],
)
def test_what_cannot_be_proved_is_refused(words: tuple[str, ...], told: str) -> None:
    done = harness("prove", *words)
    assert done.returncode == 2
    assert told in done.stderr


def test_a_system_without_servers_of_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'name = "mine"\n[api]\ncommand = ["python", "x.py"]\n[observe]\nrows = "SELECT source, id FROM events"\n'
    )
    done = harness("prove", "--system", str(tmp_path / "mine.toml"))
    assert done.returncode == 2
    assert "{port}" in done.stderr
