"""System files: what is right is read, and every mistake is one sentence that names the fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import systems
from harness.usage import UsageError

SMALLEST = """
name = "mine"
[api]
command = ["python", "service.py", "{port}"]
[observe]
rows = "SELECT source, id FROM events"
"""


def write(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text)
    return str(path)


def test_the_smallest_file_is_enough(tmp_path: Path) -> None:
    system = systems.load(write(tmp_path, SMALLEST))
    assert system.processes == {"api": 1}
    assert system.offers == {"api", "rows", "claims.longest_pause_seconds"}
    assert system.path == (tmp_path / "mine.toml").resolve()


def test_naming_a_placeholder_asks_for_the_server(tmp_path: Path) -> None:
    system = systems.load(write(tmp_path, SMALLEST + '[env]\nA = "{redis_url}"\nB = "{sendgrid_url}"\n'))
    assert {"redis", "sendgrid"} <= system.offers
    assert "postgres" not in system.offers
    assert "mails" not in system.offers, "without mail_source and mail_id no mail can be told from another"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("\n[claims]\nreclaim_second = 3\n", "unknown key 'claims.reclaim_second'. Did you mean 'reclaim_seconds'?"),
        ("\n[workers]\ncommand = ['x']\n", "unknown key 'workers'. Did you mean 'worker'?"),
        ("\n[env]\nURL = '{postgres_ulr}'\n", "unknown placeholder {postgres_ulr}"),
        ("\n[worker]\ncommand = ['x']\ncount = 0\n", "worker.count: Input should be greater than 0"),
        ("\n[worker]\ncount = 1\n", "the required key 'worker.command' is missing"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, change: str, sentence: str) -> None:
    with pytest.raises(UsageError) as error:
        systems.load(write(tmp_path, SMALLEST + change))
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["name = ", "name = 'x'\n\xff"])
def test_a_file_that_is_no_toml(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match="cannot be read"):
        systems.load(str(path))


def test_an_unknown_name_suggests_a_built_in() -> None:
    with pytest.raises(UsageError, match="Did you mean 'async'"):
        systems.load("asynk")


@pytest.mark.parametrize("name", systems.built_in())
def test_every_built_in_system_is_read(name: str) -> None:
    assert systems.load(name).description


def test_only_known_placeholders_are_filled_in() -> None:
    values = {"redis_url": "redis://here", "port": "80"}
    assert systems.filled("{redis_url}?port={port}", values) == "redis://here?port=80"
    assert systems.filled('{"level": "{port}", "more": {}}', values) == '{"level": "80", "more": {}}'
