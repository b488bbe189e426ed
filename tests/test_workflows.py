"""The workflows and the action name what exists, and the action's exit code is the harness' own."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from tests.command import ROOT

yaml: Any = importlib.import_module("yaml")  # it has no types here; uvicorn brings it
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTION = ROOT / "action.yml"
INPUT = re.compile(r"\binputs\.([\w-]+)")
FAKE = """#!/bin/sh
printf '%s\\n' "$@" > "$SAID"
exit "$CODE"
"""


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def steps_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    parts = [document["runs"]] if "runs" in document else list(document["jobs"].values())
    return [step for part in parts for step in part["steps"]]


@pytest.mark.parametrize("path", [ACTION, *WORKFLOWS], ids=lambda path: path.name)
def test_what_a_step_names_exists(path: Path) -> None:
    for step in steps_of(read(path)):
        uses, run = step.get("uses", ""), step.get("run", "")
        assert bool(uses) != bool(run)
        if uses and uses != "./":
            assert re.fullmatch(r"actions/[\w-]+@v\d+", uses)
        for script in re.findall(r"bash ([\w./]+)", run):
            assert os.access(ROOT / script, os.R_OK), script
        for target in re.findall(r"make .*?\b(setup|test|check|accept)\b", run):
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target


def test_every_input_of_the_action_is_used_and_declared() -> None:
    action = read(ACTION)
    assert set(INPUT.findall(ACTION.read_text())) == set(action["inputs"])
    given = [step["with"] for path in WORKFLOWS for step in steps_of(read(path)) if step.get("uses") == "./"]
    assert given
    for inputs in given:
        assert set(inputs) <= set(action["inputs"])
        assert inputs["system"]


def gate_said(tmp_path: Path, code: int, **environment: str) -> tuple[list[str], int, dict[str, str]]:
    """The words the action gives the harness, its exit code, and what it tells later steps, if the harness exits with `code`."""
    [step] = [step for step in steps_of(read(ACTION)) if step.get("id") == "gate"]
    program = tmp_path / ".venv" / "bin" / "harness"
    program.parent.mkdir(parents=True)
    program.write_text(FAKE)
    program.chmod(0o755)
    said, told = tmp_path / "said", tmp_path / "told"
    run_by = {"GITHUB_ACTION_PATH": str(tmp_path), "GITHUB_OUTPUT": str(told), "SAID": str(said), "CODE": str(code)}
    given = {"SYSTEM": "my service.toml", "BEFORE": "", "LOAD_PROCESSES": "1", "TMPDIR": str(tmp_path)} | environment
    assert set(step["env"]) <= set(given)
    words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]  # as GitHub runs `shell: bash`
    done = subprocess.run(words, env=os.environ | run_by | given, check=False)
    outputs = dict(line.split("=", 1) for line in told.read_text().splitlines())
    return said.read_text().splitlines(), done.returncode, outputs


@pytest.mark.parametrize("code", sorted({*cli.EXIT_CODES.values(), cli.EXIT_USAGE, cli.EXIT_BROKEN}))
def test_the_action_exits_as_the_harness_did(tmp_path: Path, code: int) -> None:
    words, exit_code, outputs = gate_said(tmp_path, code)
    assert exit_code == code
    assert outputs["exit-code"] == str(code)
    assert Path(outputs["report"]).is_dir()  # and so there is something to upload
    assert outputs["report"] in words


@pytest.mark.parametrize("before", ["", "sync"])
def test_the_harness_understands_the_action(tmp_path: Path, before: str) -> None:
    words, _, outputs = gate_said(tmp_path, 0, BEFORE=before, LOAD_PROCESSES="2")
    understood = cli.parser().parse_args(words)
    assert (understood.after, understood.before, understood.gate) == ("my service.toml", before or None, True)
    assert (understood.load_processes, str(understood.out)) == (2, outputs["report"])
