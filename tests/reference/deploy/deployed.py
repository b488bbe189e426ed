"""What the files of `reference/deploy/` run, read from each of them into one shape, so that one test can hold all to one rule.

Where to go next: `test_consistent.py`.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from configparser import RawConfigParser
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.reference.a5.node import NODE

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "reference" / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MANIFESTS = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")
ECOSYSTEM = DEPLOY / "pm2" / "ecosystem.config.cjs"
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}")
_SECONDS = {"s": 1.0, "m": 60.0}


@dataclass(frozen=True)
class Deployed:
    """One process of the service as one of the files runs it; `kill_seconds` is the time it has from SIGTERM to SIGKILL."""

    where: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    kill_seconds: float | None
    probes: tuple[str, ...] = ()
    port: int | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verb(self) -> str:
        return self.command[0]


def everything() -> list[Deployed]:
    """All processes of all files."""
    return [*_of_compose(), *_of_kubernetes(), *_of_systemd(), *_of_pm2()]


def compose() -> Any:
    """compose.yaml, merged."""
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def objects() -> list[dict[str, Any]]:
    """Every Kubernetes object."""
    return [each for path in MANIFESTS for each in yaml.safe_load_all(path.read_text()) if each]


def of_kind(kind: str, name: str = "") -> Any:
    """The one object of this kind (and name)."""
    (found,) = [each for each in objects() if each["kind"] == kind and name in ("", each["metadata"]["name"])]
    return found


def secrets() -> dict[str, str]:
    """The variables docs/deploy.md puts into the Secret."""
    page = (ROOT / "docs" / "deploy.md").read_text()
    (command,) = re.findall(r"kubectl [^\n]*create secret generic ingest (.*)", page)
    return dict(re.findall(r"--from-literal=(\w+)='?([^'\s]+)'?", command))


def env_file(path: Path) -> dict[str, str]:
    """A file of NAME=value lines."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def _of_compose() -> Iterator[Deployed]:
    for name, service in compose()["services"].items():
        if service["image"] != "ingest":
            continue
        env = {key: _VARIABLE.sub(lambda match: match[2] or "given", value) for key, value in service["environment"].items()}
        grace = service.get("stop_grace_period", "10s")
        yield Deployed(
            f"compose.yaml: {name}",
            tuple(service["command"]),
            env,
            float(grace[:-1]) * _SECONDS[grace[-1]],
            tuple(re.findall(r"http://127\.0\.0\.1:\d+(/\w+)", str(service.get("healthcheck", "")))),
            _port(service["command"]),
        )


def _of_kubernetes() -> Iterator[Deployed]:
    env = {**of_kind("ConfigMap")["data"], **secrets()}
    for each in objects():
        if each["kind"] not in ("Deployment", "Job"):
            continue
        pod = each["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        before = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["sleep", "0"])
        probes = [value["httpGet"] for key, value in container.items() if key.endswith("Probe")]
        yield Deployed(
            f"kubernetes: {each['metadata']['name']}",
            tuple(container["args"]),
            env,
            pod.get("terminationGracePeriodSeconds", 30) - float(before[1]),
            tuple(probe["path"] for probe in probes),
            _port(container["args"]),
            {"probes": probes, "ports": container.get("ports", []), "template": each["spec"]["template"]},
        )


def _of_systemd() -> Iterator[Deployed]:
    for path in UNITS:
        service = unit(path)["Service"]
        words = shlex.split(service["ExecStart"].replace("%i", "8000" if "api" in path.name else "9100"))
        assert words[1:3] == ["-m", "reference"], f"{path.name} starts something else"
        stop = service.get("TimeoutStopSec", "90")
        yield Deployed(
            f"systemd: {path.name}", tuple(words[3:]), env_file(DEPLOY / "systemd" / "ingest.env"), float(stop), (), _port(words)
        )


def unit(path: Path) -> RawConfigParser:
    """A unit's sections; of keys said more than once the last."""
    parser = RawConfigParser(strict=False, comment_prefixes=("#", ";"), delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(path)
    return parser


def pm2() -> list[dict[str, Any]]:
    """The ecosystem's apps, as Node reads them."""
    script = f"console.log(JSON.stringify(require({json.dumps(str(ECOSYSTEM))}).apps))"
    return list(json.loads(subprocess.run([NODE, "-e", script], check=True, capture_output=True, text=True).stdout))


def _of_pm2() -> Iterator[Deployed]:
    for app in pm2():
        assert app["args"][:2] == ["-m", "reference"], f"{app['name']} starts something else"
        command = tuple(app["args"][2:])
        yield Deployed(f"pm2: {app['name']}", command, app.get("env", {}), app["kill_timeout"] / 1000, (), _port(command))


def _port(words: Any) -> int | None:
    return int(words[list(words).index("--port") + 1]) if "--port" in words else None
