"""The files of `reference/deploy/` say what the service understands: settings, commands, ports, probes, times, names of keys."""

from __future__ import annotations

import contextlib
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis as redis_client
import yaml

from reference import connection, server, supervisor
from reference.__main__ import _parser
from reference.settings import Settings
from tests.reference.deploy.deployed import DEPLOY, ROOT, UNITS, Deployed, compose, everything, of_kind, pm2, secrets, unit
from tests.reference.servers import Postgres, Redis, SendGrid, Service, await_port, free_port

ALL = everything()
OTHERS_VARIABLES = ("OTEL_", "PYTHON")
PAGES = ("deploy.md", "runbook.md")


def named(each: Deployed) -> str:
    return each.where


def understands(words: tuple[str, ...]) -> bool:
    with contextlib.suppress(SystemExit):
        _parser().parse_args(words)
        return True
    return False


def must_understand(words: tuple[str, ...]) -> None:
    assert understands(words), f"`python -m reference {shlex.join(words)}` is refused"


@pytest.mark.parametrize("each", ALL, ids=named)
def test_every_command_is_understood(each: Deployed) -> None:
    must_understand(each.command)


@pytest.mark.parametrize("first_port", [None, 9100])
def test_the_supervisor_starts_workers_as_they_want_it(first_port: int | None) -> None:
    python, *module, verb = (words := supervisor.worker_command(3, first_port=first_port))[:4]
    assert (python, module, verb) == (sys.executable, ["-m", "reference"], "worker")
    assert words[4:] == ([] if first_port is None else ["--port", "9103"])
    must_understand(tuple(words[3:]))


@pytest.mark.parametrize("page", PAGES)
def test_every_command_in_the_pages_is_understood(page: str) -> None:
    said = re.findall(r"python -m reference ([a-z][^`#\n|)]*)", (ROOT / "docs" / page).read_text())
    assert said
    for line in said:
        assert understands(tuple(shlex.split(line))), f"docs/{page}: `python -m reference {line}` is refused"


@pytest.mark.parametrize("each", ALL, ids=named)
def test_every_variable_is_a_setting_with_a_good_value(each: Deployed) -> None:
    known = {name.upper() for name in Settings.model_fields}
    unknown = {name for name in each.env if name not in known and not name.startswith(OTHERS_VARIABLES)}
    assert not unknown, f"nobody reads {', '.join(sorted(unknown))}"
    if each.env:
        Settings.of(each.env)


@pytest.mark.parametrize("each", ALL, ids=named)
def test_nobody_is_killed_while_finishing(each: Deployed) -> None:
    settings = Settings.of({"DATABASE_URL": "given", "REDIS_URL": "redis://given", **each.env})
    needed = {
        "api": server.longest_end_seconds(settings),
        "worker": settings.drain_seconds,
        "supervise": supervisor.longest_end_seconds(settings),
    }.get(each.verb, 0.0)
    assert each.kill_seconds is not None
    assert each.kill_seconds >= needed + 2 or each.verb == "migrate", f"killed after {each.kill_seconds:g} s, needs {needed:g} s"


async def test_every_probed_path_is_answered(
    service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid, client: httpx.AsyncClient
) -> None:
    service.env = {"REDIS_URL": redis.url, "DATABASE_URL": postgres.url, "SENDGRID_URL": sendgrid.url}
    probed = {(each.command, each.probes) for each in ALL if each.probes}
    assert {command[0] for command, _ in probed} == {"api", "worker"}
    for command, paths in probed:
        if not understands(command):
            continue  # `test_every_command_is_understood` tells
        port = free_port()
        place = command.index("--port") + 1
        await_port(port, service.run(*command[:place], str(port), *command[place + 1 :]))
        answers = {path: (await client.get(f"http://127.0.0.1:{port}{path}")).status_code for path in paths}
        assert answers == dict.fromkeys(paths, 200), command


@pytest.mark.parametrize("each", [each for each in ALL if each.asked], ids=named)
def test_probes_and_services_use_the_port_that_is_listened_on(each: Deployed) -> None:
    ports = {port["name"]: port["containerPort"] for port in each.asked["ports"]}
    assert list(ports.values()) == ([each.port] if each.port else [])
    assert all(probe["port"] in ports for probe in each.asked["probes"])
    said = each.asked["template"]["metadata"].get("annotations", {}).get("prometheus.io/port")
    assert said == (str(each.port) if each.port else None)
    if each.verb == "api":
        service = of_kind("Service")["spec"]
        assert service["selector"] == each.asked["template"]["metadata"]["labels"]
        assert service["ports"][0]["targetPort"] in ports


def test_every_selector_finds_its_pods() -> None:
    for name in ("ingest-api", "ingest-worker"):
        labels = of_kind("Deployment", name)["spec"]["template"]["metadata"]["labels"]
        assert of_kind("Deployment", name)["spec"]["selector"]["matchLabels"] == labels
        assert of_kind("PodDisruptionBudget", name)["spec"]["selector"]["matchLabels"] == labels


def test_prometheus_asks_the_ports_of_compose() -> None:
    jobs = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    ports = {each.where.removeprefix("compose.yaml: "): each.port for each in ALL if each.where.startswith("compose")}
    for job in jobs:
        (found,) = job["dns_sd_configs"]
        (service,) = found["names"]
        assert ports[service] == found["port"], job["job_name"]
    assert all(published.endswith(f":{ports['api']}") for published in compose()["services"]["api"]["ports"])


def test_compose_mounts_what_is_there() -> None:
    mounts = [mount.split(":") for service in compose()["services"].values() for mount in service.get("volumes", [])]
    files = [DEPLOY / source for source, *_ in mounts if source.startswith(".")]
    assert len(files) == 2
    assert all(path.exists() for path in files)
    assert {source for source, *_ in mounts if not source.startswith(".")} == compose()["volumes"].keys()


def test_the_scaler_looks_at_the_stream_by_what_a_worker_takes_in_hand() -> None:
    scaled = of_kind("ScaledObject")["spec"]
    (trigger,) = scaled["triggers"]
    settings = Settings.of({**of_kind("ConfigMap")["data"], **secrets()})
    assert trigger["metadata"]["stream"] == connection.STREAM
    assert trigger["metadata"]["streamLength"] == str(settings.most_in_hand)
    assert "consumerGroup" not in trigger["metadata"], "with one, KEDA reads pending entries or lag: docs/deploy.md says why not"
    assert scaled["minReplicaCount"] >= 1, "what is delayed is in no stream, and only workers bring it back"
    assert scaled["scaleTargetRef"]["name"] == of_kind("Deployment", "ingest-worker")["metadata"]["name"]
    assert "replicas" not in of_kind("Deployment", "ingest-worker")["spec"], "an apply would undo what the scaler decided"
    assert trigger["authenticationRef"]["name"] == of_kind("TriggerAuthentication")["metadata"]["name"]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_survive_and_do_not_insist_on_bad_settings(path: Path) -> None:
    service = unit(path)["Service"]
    assert service["RestartPreventExitStatus"] == "2"
    assert service["Restart"] in ("always", "on-failure")
    assert "migrate" in path.name or (service["KillSignal"], service["KillMode"]) == ("SIGTERM", "mixed")


def test_pm2_gives_up_on_bad_settings_and_leaves_workers_to_their_supervisor() -> None:
    for app in pm2():
        assert (app["stop_exit_codes"], app["treekill"], app["interpreter"]) == ([2], False, "none")


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[Redis]:
    """A server with `reference/deploy/redis.conf`, as compose starts it."""
    server = Redis(tmp_path, options=(str(DEPLOY / "redis.conf"),))
    server.start()
    yield server
    server.kill()


async def test_the_service_is_ready_with_the_redis_that_is_configured(
    service: Service, configured: Redis, postgres: Postgres, client: httpx.AsyncClient
) -> None:
    service.env = {"REDIS_URL": configured.url, "DATABASE_URL": postgres.url}
    url = service.api()
    assert (await client.get(f"{url}/readyz")).status_code == 200
    with redis_client.Redis.from_url(configured.url, decode_responses=True) as admin:
        kept = admin.config_get("append*", "maxmemory")
        assert (kept["appendonly"], kept["appendfsync"]) == ("yes", "always")
        assert int(kept["maxmemory"]) > 0, "without a limit the kernel kills it when memory ends"
        admin.config_set("maxmemory-policy", "allkeys-lru")
    assert (await client.get(f"{url}/readyz")).status_code == 503
