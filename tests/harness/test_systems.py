"""System files: what is right is read, and every mistake is one sentence that names the fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import systems
from harness.usage import UsageError

SMALLEST = """
name = "mine"
[api]
command = ["python", "service.py", "{port}", "{postgres_url}"]
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
    assert system.offers == {"api", "rows", "postgres", "claims.longest_pause_seconds"}
    assert system.path == (tmp_path / "mine.toml").resolve()


def test_naming_a_placeholder_asks_for_the_server(tmp_path: Path) -> None:
    system = systems.load(write(tmp_path, SMALLEST + '[env]\nA = "{redis_url}"\nB = "{sendgrid_url}"\n'))
    assert {"redis", "sendgrid"} <= system.offers
    assert "worker" not in system.offers
    assert "mails" not in system.offers, "without mail_source and mail_id no mail can be told from another"


def test_metrics_and_traces_are_offered_where_they_are_named(tmp_path: Path) -> None:
    observed = SMALLEST.replace("[observe]", '[observe]\nmetrics = "/metrics"\nqueue_depth = "depth"')
    system = systems.load(write(tmp_path, observed + '[env]\nOTEL_EXPORTER_OTLP_ENDPOINT = "{otlp_url}"\n'))
    assert {"queue_depth", "traces"} <= system.offers


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("\n[claims]\nreclaim_second = 3\n", "unknown key 'claims.reclaim_second'. Did you mean 'reclaim_seconds'?"),
        ("\n[workers]\ncommand = ['x']\n", "unknown key 'workers'. Did you mean 'worker'?"),
        ("\n[env]\nURL = '{postgres_ulr}'\n", "unknown placeholder {postgres_ulr}"),
        ("\n[worker]\ncommand = ['x']\ncount = 0\n", "worker.count is 0, expected a number greater than 0."),
        ("\n[worker]\ncommand = ['x']\ncount = 'two'\n", 'worker.count is "two", expected a whole number without quotes.'),
        ("\n[worker]\ncommand = 'python x'\n", 'worker.command is "python x", expected a list of words: ["python", "service.py"'),
        ("\n[worker]\ncommand = []\n", "worker.command is [], expected a list of at least one word"),
        ("\n[claims]\nreclaim_seconds = 'x'\n", 'claims.reclaim_seconds is "x", expected a number without quotes.'),
        ("\n[claims]\ndurability = 'x'\n", "claims.durability is \"x\", expected one of 'process-crash' or 'power-loss'."),
        ("\n[load]\nmailed = 2\n", "load.mailed is 2, expected a number of at most 1"),
        ("\n[redis]\nconfig = {a = [1]}\n", 'redis.config.a is [1], expected text in quotes: "...".'),
        ("\n[redis]\nconfig = 3\n", "redis.config is 3, expected a table of its own"),
        ("\n[simulation]\nbuild = 'x'\n", 'simulation.build is "x", expected a module and a name in it'),
        ("\n[worker]\ncount = 1\n", "the required key 'worker.command' is missing"),
        ("\n[flag]\nset = ['f', '{percent}']\n", "the required key 'flag.clear' is missing"),
        ("\n[flag]\nset = ['f', '0']\nclear = ['f']\n", "flag: set names {percent} nowhere; write it where the number goes"),
        ("\n[flag]\nset = ['f', '{percent}', '{perfect}']\nclear = ['f']\n", "unknown placeholder {perfect}"),
        ("\n[flag]\nset = ['f', '{percent}']\nclear = ['f', '{percent}']\n", "unknown placeholder {percent} in '{percent}'"),
        ("\n[flag]\nset = ['f', '{percent}']\nclear = ['f']\nshow = ['f']\n", "unknown key 'flag.show'"),
        ("\n[env]\nA = '{percent}'\n", "unknown placeholder {percent}"),
        (
            "\n[simulation]\nbuild = 'm:b'\nflag = 'm:f'\n",
            "simulation.flag stands without [flag]; a flag is turned in both worlds or in none",
        ),
        (
            "\n[simulation]\nbuild = 'm:b'\n[flag]\nset = ['f', '{percent}']\nclear = ['f']\n",
            "[flag] stands without simulation.flag",
        ),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, change: str, sentence: str) -> None:
    with pytest.raises(UsageError) as error:
        systems.load(write(tmp_path, SMALLEST + change))
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[observe]", "[observ]", "unknown key 'observ'. Did you mean 'observe'?"),
        ("{port}", "80", "it names {port} neither in api.command nor in [env]"),
        ("{postgres_url}", "x", "it names {postgres_url} nowhere, so `observe.rows` has no database to read"),
        ("[observe]", '[observe]\nmetrics = "metrics"', "metrics is 'metrics', expected a path, which begins with a slash"),
        ("[observe]", '[observe]\nqueue_depth = "depth"', "queue_depth stands without metrics: add the path of the page"),
        ('rows = "', 'rows = 3 # "', 'observe.rows is 3, expected text in quotes: "...".'),
        ('name = "mine"', "", "the required key 'name' is missing"),
    ],
)
def test_what_is_lacking_is_one_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(UsageError) as error:
        systems.load(write(tmp_path, SMALLEST.replace(old, new)))
    assert sentence in str(error.value)
    assert "Input should" not in str(error.value)


def test_a_system_for_the_simulation_alone_needs_no_port_and_no_database(tmp_path: Path) -> None:
    text = SMALLEST.replace("{port}", "").replace("{postgres_url}", "") + '[simulation]\nbuild = "mine:build"\n'
    system = systems.load(write(tmp_path, text))
    with pytest.raises(UsageError, match=r"mine.toml is wrong: it names \{port\} neither"):
        systems.require_real_processes(system)


@pytest.mark.parametrize(
    ("pointers", "sentence"),
    [
        ({"mail_source": "/s"}, "observe: mail_source stands without mail_id, but a mail's event is told by both: add mail_id"),
        ({"mail_id": "/i"}, "observe: mail_id stands without mail_source, but a mail's event is told by both"),
        (
            {"mail_source": "/s", "mail_id": "custom_args/id"},
            "mail_id is 'custom_args/id', expected a JSON pointer, which begins",
        ),
        ({"mail_source": "s", "mail_id": "/i"}, "which begins with a slash: write '/s'."),
        ({"mail_source": "", "mail_id": "/i"}, "which begins with a slash: write '/custom_args/id'."),
    ],
)
def test_pointers_into_a_mail_come_in_pairs_and_begin_with_a_slash(
    tmp_path: Path, pointers: dict[str, str], sentence: str
) -> None:
    lines = "".join(f'{name} = "{at}"\n' for name, at in pointers.items())
    with pytest.raises(UsageError) as error:
        systems.load(write(tmp_path, SMALLEST + lines))
    assert sentence in str(error.value)


def test_both_pointers_or_neither_are_right(tmp_path: Path) -> None:
    both = SMALLEST + 'mail_source = "/s"\nmail_id = "/i"\n[env]\nMAIL = "{sendgrid_url}"\n'
    assert "mails" in systems.load(write(tmp_path, both)).offers


def test_a_flag_can_be_turned_where_its_commands_are_named(tmp_path: Path) -> None:
    assert "flag" not in systems.load(write(tmp_path, SMALLEST)).offers
    assert "flag" in systems.load(write(tmp_path, SMALLEST + "[flag]\nset = ['f', '{percent}']\nclear = ['f']\n")).offers


@pytest.mark.parametrize("text", ["name = ", "name = 'x'\n\xff"])
def test_a_file_that_is_no_toml(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match="cannot be read"):
        systems.load(str(path))


def test_an_unknown_name_suggests_a_built_in() -> None:
    with pytest.raises(UsageError, match="Did you mean 'async'"):
        systems.load("asynk")


def test_a_file_that_is_not_there_is_told_as_a_file() -> None:
    with pytest.raises(UsageError, match=r"^There is no file nope\.toml \(looked for /.*/nope\.toml\)\. Built-in systems go by"):
        systems.load("nope.toml")


@pytest.mark.parametrize("name", systems.built_in())
def test_every_built_in_system_is_read(name: str) -> None:
    assert systems.load(name).description


def test_only_known_placeholders_are_filled_in() -> None:
    values = {"redis_url": "redis://here", "port": "80"}
    assert systems.filled("{redis_url}?port={port}", values) == "redis://here?port=80"
    assert systems.filled('{"level": "{port}", "more": {}}', values) == '{"level": "80", "more": {}}'
