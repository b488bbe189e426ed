"""The files of `reference/deploy/` are what their tools expect: by schema, or by the tool itself where it is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.reference.a5.node import NODE
from tests.reference.deploy.deployed import DEPLOY, ECOSYSTEM, UNITS, compose, objects

SCHEMAS = Path(__file__).parent / "schemas"
_MOST_EXPOSED = 1.5  # systemd's own scale: 0 is locked up, 10 is root with everything


def schema(name: str) -> Any:
    return json.loads((SCHEMAS / f"{name}.json").read_text())


def kinds() -> dict[str, Any]:
    """For each kind the schema that judges it."""
    return {
        kind: {**whole, **place} for whole in (schema("kubernetes"), schema("keda")) for kind, place in whole["kinds"].items()
    }


def tool(name: str, how: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on PATH: {how}")
    return found


def test_the_compose_file_follows_the_specification() -> None:
    jsonschema.validate(compose(), schema("compose"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**compose(), "service": {}}, schema("compose"))


def test_docker_compose_understands_it() -> None:
    docker = tool("docker", "install Docker with its compose plugin")
    if subprocess.run([docker, "compose", "version"], check=False, capture_output=True).returncode != 0:
        pytest.skip("docker has no compose plugin: install docker-compose-plugin")
    env = {"PATH": "/usr/bin:/bin", "POSTGRES_PASSWORD": "p", "SENDGRID_API_KEY": "k"}
    command = [docker, "compose", "-f", str(DEPLOY / "compose.yaml"), "config", "--quiet"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=env)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("each", objects(), ids=lambda each: f"{each['kind']} {each['metadata']['name']}")
def test_every_kubernetes_object_is_valid(each: dict[str, Any]) -> None:
    judge = kinds()[f"{each['apiVersion']} {each['kind']}"]
    jsonschema.validate(each, judge)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**each, "spce": {}}, judge)  # the schema is a strict one


def test_the_kustomization_names_every_manifest_and_builds() -> None:
    folder = DEPLOY / "kubernetes"
    named = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    assert sorted([*named, "kustomization.yaml"]) == sorted(path.name for path in folder.glob("*.yaml"))
    kubectl = tool("kubectl", "install kubectl to have the kustomization built")
    done = subprocess.run([kubectl, "kustomize", str(folder)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len([each for each in yaml.safe_load_all(done.stdout) if each]) == len(objects())


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_has_nothing_to_say_about_a_unit(path: Path, tmp_path: Path) -> None:
    analyze = tool("systemd-analyze", "install systemd")
    for unit in UNITS:  # they name each other; what they start is not installed here
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/ingest/.venv/bin/python", "/bin/sh"))
    done = subprocess.run([analyze, "verify", "--man=no", str(tmp_path / path.name)], check=False, capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if "ingest" in line]
    assert (done.returncode, said) == (0, [])


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_is_hardened(path: Path) -> None:
    analyze = tool("systemd-analyze", "install systemd")
    command = [analyze, "security", "--offline=yes", "--no-pager", f"--threshold={int(_MOST_EXPOSED * 10)}", str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd cannot judge files: 250 or newer can")
    assert done.returncode == 0, done.stdout[-200:] + done.stderr


def test_node_reads_the_ecosystem_file() -> None:
    done = subprocess.run([NODE, "--check", str(ECOSYSTEM)], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
