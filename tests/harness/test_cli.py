"""The command line: one clear sentence and the documented exit code for everything a person gets wrong."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import pytest

from harness import cli, systems
from harness.campaign.cluster import executor_at
from harness.history import History
from harness.runner import Order, execute
from harness.usage import UsageError
from tests.command import harness, last_lines

SYSTEM = """
name = "mine"
[api]
command = {command}
{more}
[observe]
rows = "SELECT source, id FROM events"
[env]
DATABASE_URL = "{{postgres_url}}"
"""


def system(folder: Path, command: list[str], *, more: str = "") -> str:
    path = folder / "mine.toml"
    path.write_text(SYSTEM.format(command=json.dumps(command), more=more))
    return str(path)


def refused(*words: str, timeout: float = 120) -> str:
    """The one sentence with which a command is refused."""
    done = harness(*words, timeout=timeout)
    assert done.returncode == 2, last_lines(done)
    assert "Traceback" not in done.stderr + done.stdout
    return done.stderr


def test_an_unknown_scenario_names_the_nearest() -> None:
    assert "There is no scenario 'worker_crush'. Did you mean 'worker_crash'?" in refused("run", "worker_crush")


def test_an_unknown_system_names_the_nearest() -> None:
    assert "There is no system 'drafd'. Did you mean 'draft'?" in refused("run", "baseline", "--system", "drafd")


def test_an_unknown_key_names_the_nearest(tmp_path: Path) -> None:
    assert "unknown key 'api.cont'. Did you mean 'count'?" in refused("run", "--system", system(tmp_path, ["x"], more="cont = 2"))


def test_the_draft_cannot_be_simulated() -> None:
    assert "Use --world real instead" in refused("run", "baseline", "--system", "draft", "--world", "simulated")


def test_a_command_that_is_not_found(tmp_path: Path) -> None:
    words = ("run", "baseline", "--system", system(tmp_path, ["no-such-program", "{port}"]), "--out", str(tmp_path / "out"))
    assert "no-such-program" in refused(*words)


def test_a_service_that_never_gets_ready_shows_the_tail_of_its_log(tmp_path: Path) -> None:
    program = "import sys; print('the database password is missing', file=sys.stderr); sys.exit(7)"
    words = ("run", "baseline", "--system", system(tmp_path, ["python", "-c", program, "{port}"]), "--out", str(tmp_path / "out"))
    sentence = refused(*words)
    assert "the database password is missing" in sentence
    assert "7" in sentence


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        program = f"import http.server as h; h.HTTPServer(('127.0.0.1', {port}), h.BaseHTTPRequestHandler).serve_forever()"
        words = (
            "run",
            "baseline",
            "--system",
            system(tmp_path, ["python", "-c", program, "{port}"]),
            "--out",
            str(tmp_path / "out"),
        )
        assert "Address already in use" in refused(*words)


@pytest.mark.parametrize("verb", ["check", "report", "replay"])
def test_an_unreadable_run_directory(tmp_path: Path, verb: str) -> None:
    assert "name a run's folder" in refused(verb, str(tmp_path))


@pytest.mark.parametrize("words", [[], ["nonsense"], ["run", "--seeds", "0"], ["run", "--world", "imagined"]])
def test_wrong_words_are_refused(words: list[str]) -> None:
    refused(*words)


@pytest.mark.parametrize(
    ("option", "text", "sentence"),
    [
        ("--seed", "-1", "expected a whole number from 0 on, not '-1'"),
        ("--seed", "x", "expected a whole number from 0 on, not 'x'"),
        ("--seeds", "1.5", "expected a whole number from 1 on, not '1.5'"),
    ],
)
def test_a_number_that_is_none_is_refused_in_words(
    option: str, text: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refusal:
        cli.parser().parse_args(["run", "baseline", option, text])
    assert refusal.value.code == 2
    assert sentence in capsys.readouterr().err


def test_the_help_names_every_system(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.parser().parse_args(["run", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "async, async_small, draft, draft_as_written, sync, or a system file's path" in said


def test_a_refused_run_leaves_no_empty_folder(tmp_path: Path) -> None:
    refused("run", "baseline", "--flaw", "no_such_flaw.py", "--out", str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


def test_a_flaw_is_planted_where_it_can_be(tmp_path: Path) -> None:
    own = Path(systems.load("draft").path).read_text()
    (tmp_path / "other.toml").write_text(own.replace('"python"', '"node"'))
    words = ("run", "baseline", "--system", str(tmp_path / "other.toml"), "--world", "real", "--flaw", __file__)
    assert "does not begin with `python`" in refused(*words)
    assert "cannot be planted" in refused("run", "baseline", "--flaw", "no_such_flaw.py")


def test_results_do_not_go_where_something_is(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("{}")
    assert "is not empty" in refused("run", "baseline", "--out", str(tmp_path))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--shard", "9/8"], "expected a part of several, such as 3/8, not '9/8'"),
        (["--seeds", "3", "--shard", "4/8"], "Of 3 seeds nothing is left for shard 4/8"),
        (["--resume"], "--resume goes on with what a folder holds; name it with --out DIR"),
        (["--world", "real", "--cluster", "tcp://127.0.0.1:1"], "--cluster is for the simulation"),
    ],
)
def test_a_campaign_that_makes_no_sense(words: list[str], told: str) -> None:
    assert told in refused("run", "baseline", *words)


def test_without_dask_there_is_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"pip install 'async-ingestion-harness\[cluster\]'"), executor_at("tcp://127.0.0.1:1"):
        pass


def test_a_cluster_nobody_answers_for(tmp_path: Path) -> None:
    words = ("run", "baseline", "--seeds", "2", "--cluster", "tcp://127.0.0.1:1", "--out", str(tmp_path / "out"))
    assert "No Dask scheduler answers at tcp://127.0.0.1:1" in refused(*words)
    assert list(tmp_path.iterdir()) == []


def test_without_a_terminal_it_says_what_begins(tmp_path: Path) -> None:
    done = harness("run", "baseline", "worker_crash", "--seeds", "2", "--out", str(tmp_path / "out"))
    assert done.stderr.splitlines() == ["simulating 2 scenarios, 2 seeds each"], (
        "and nothing else, no blank line, while all holds"
    )


def test_every_verb_ends_its_help_with_an_example() -> None:
    for verb in ("accept", "list", "run", "load", "ui", "check", "report", "replay"):
        done = harness(verb, "--help")
        assert done.returncode == 0
        assert "example: harness " + verb in " ".join(done.stdout.split())


def test_list_tells_every_story() -> None:
    done = harness("list")
    assert done.returncode == 0
    for name in ("baseline", "WorkerCrashes", "every_accepted_event_is_mailed", "draft_as_written"):
        assert name in done.stdout


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("stored") / "out"
    flaw = str(Path(cli.__file__).parent.parent / "reference" / "flaws" / "mail_errors_swallowed.py")
    done = harness("run", "sendgrid_outage", "--flaw", flaw, "--out", str(out))
    assert done.returncode == 1, last_lines(done)
    return out


@pytest.mark.xdist_group("stored")
def test_a_stored_run_is_judged_again_and_comes_to_the_same(run: Path) -> None:
    done = harness("check", str(run))
    assert done.returncode == 1
    stored = json.loads((run / "results.json").read_text())["scenarios"][0]
    assert all(violation["what"] in done.stdout for verdict in stored["verdicts"] for violation in verdict["violations"])


@pytest.mark.xdist_group("stored")
def test_a_replay_gives_the_same_violations(run: Path, tmp_path: Path) -> None:
    (history,) = run.glob("scenarios/*/history.jsonl")
    done = harness("replay", str(history), "--out", str(tmp_path / "again"))
    assert done.returncode == 1, last_lines(done)
    assert "the same violations as stored" in done.stdout
    assert "the same seed and plan give the same history" in done.stdout.splitlines()[0]
    (again,) = (tmp_path / "again").glob("scenarios/*/history.jsonl")
    assert again.read_bytes() == history.read_bytes()


def test_a_replay_whose_fault_bites_no_more_is_unknown(tmp_path: Path) -> None:
    story = tmp_path / "mine.py"
    story.write_text(
        "'''A kill nobody meets.'''\nfrom harness import *\n"
        "scenario = Scenario(traffic=traffic.steady(per_second=5, for_seconds=2), must_hold=checkers.the_contract,\n"
        "    faults=[upon(at_operation(10**6), faults.WorkerCrashes(), for_seconds=1)])\n"
    )
    history = tmp_path / "history.jsonl"
    performed = execute(Order(scenario=str(story), system="async", world="simulated", seed=1), None)
    assert performed.history is not None
    history.write_text("".join(f"{line}\n" for line in performed.history.lines()))
    done = harness("replay", str(history), "--out", str(tmp_path / "again"))
    assert done.returncode == 3, last_lines(done)


@pytest.mark.xdist_group("stored")
def test_a_report_is_rebuilt(run: Path) -> None:
    before = (run / "report.md").read_text()
    (run / "report.md").unlink()
    assert harness("report", str(run)).returncode == 1
    assert (run / "report.md").read_text() == before


@pytest.mark.xdist_group("stored")
def test_a_history_cut_off_in_the_middle_is_judged_up_to_the_cut(run: Path, tmp_path: Path) -> None:
    (history,) = run.glob("scenarios/*/history.jsonl")
    text = history.read_text()
    (tmp_path / "history.jsonl").write_text(text[: len(text) // 2])
    done = harness("check", str(tmp_path / "history.jsonl"))
    assert "ends in the middle: judged up to the cut" in done.stdout
    assert done.returncode in (1, 3)
    assert History.load(tmp_path / "history.jsonl").cut_off


def test_a_flaw_that_does_not_fit_the_service_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "misfit.py").write_text('"""Nothing."""\ndef plant():\n    raise AttributeError("no such part")\n')
    told = refused("run", "baseline", "--flaw", str(tmp_path / "misfit.py"), "--out", str(tmp_path / "out"))
    assert "misfit.py cannot be planted (AttributeError: no such part)" in told
