"""Alerts and dashboard: every rule is tested by promtool, and whatever a query names is there in the service's own /metrics."""

from __future__ import annotations

import importlib
import json
import re
import runpy
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import ProcessCollector, generate_latest

from reference.census import Census, QueueGauges
from reference.metrics import ApiMetrics, WorkerMetrics
from reference.settings import Settings
from reference.tally import LATENCY_BUCKETS
from tests.reference.series import Series, series
from tests.reference.servers import Redis, eventually
from tests.reference.workbench import Workbench, event

yaml: Any = importlib.import_module("yaml")  # it has no types here
DEPLOY = Path(__file__).resolve().parents[2] / "reference" / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yml"
RULES_TESTS = sorted((DEPLOY / "prometheus").glob("*_test.yml"))
DASHBOARD = DEPLOY / "grafana" / "ingest.json"
PROMETHEUS_OWN = {"up", "job", "instance"}
SELECTOR = re.compile(r"(?<![\w:.])((?:ingest|process)[a-z_:0-9]*|up)(?:\{([^}]*)\})?(?=[\s\[)]|$)")
MATCHER = re.compile(r'(\w+)(=~|=)"([^"]*)"')

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="promtool is not there; it comes with Prometheus (Debian: apt-get install prometheus)",
)


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def alerts() -> list[str]:
    return [rule["alert"] for rule in rules() if "alert" in rule]


def recorded() -> set[str]:
    return {rule["record"] for rule in rules() if "record" in rule}


def cases(path: Path) -> list[dict[str, Any]]:
    return [case for test in yaml.safe_load(path.read_text())["tests"] for case in test["alert_rule_test"]]


def dashboard_queries() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def promtool(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *words], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
async def shown(redis: Redis) -> Series:
    """Every series an API and a worker show together, once they have done something."""
    bench = Workbench(redis.url, MAIL_TIMEOUT_SECONDS="0.5", DRAIN_SECONDS="3")
    async with bench.serving() as api, bench.working() as worker:
        await api.post("/ingest", json=event())
        await eventually(lambda: bench.provider.requests)
        await api.get("/ingest/e1/status")
        ProcessCollector(registry=worker.exposition.registry)  # as __main__ does for real processes
        return series((await api.get("/metrics")).text) | series((await worker.exposition.text()).decode())


def missing(query: str, shown: Series) -> Iterator[str]:
    """What ``query`` names and nobody shows: a metric, or a label's value."""
    for name, matchers in SELECTOR.findall(query):
        if name in PROMETHEUS_OWN | recorded():
            continue
        wanted = [match for match in MATCHER.findall(matchers) if match[0] not in PROMETHEUS_OWN]
        for label, operator, pattern in wanted or [("", "", "")]:
            for value in pattern.split("|") if operator == "=~" else [pattern]:
                if not any(found == name and (not label or (label, value) in labels) for found, labels in shown):
                    yield f"{name}{{{label}={value}}}" if label else name


def test_what_a_query_names_exists(shown: Series) -> None:
    queries = [*(rule["expr"] for rule in rules()), *dashboard_queries()]
    assert [query for query in queries if not SELECTOR.search(query)] == []
    assert [(query, name) for query in queries for name in missing(query, shown)] == []


def test_a_name_nobody_shows_is_found(shown: Series) -> None:
    query = 'redis_list_length{key="ingest_queue"} + ingest_queue_length + ingest_requests_total{outcome=~"full|lost"}'
    assert list(missing(query, shown)) == ["ingest_queue_length", "ingest_requests_total{outcome=lost}"]


@pytest.mark.parametrize("alert", alerts())
def test_every_alert_is_shown_to_fire_and_not_to_fire(alert: str) -> None:
    expected = {bool(case["exp_alerts"]) for path in RULES_TESTS for case in cases(path) if case["alertname"] == alert}
    assert expected == {True, False}


def test_the_limits_are_those_agreed() -> None:
    expressions = {rule["alert"]: rule["expr"] for rule in rules() if "alert" in rule}
    assert expressions["A7IngestLatencyHigh"].endswith("> 0.05")
    assert 0.05 in LATENCY_BUCKETS
    warned_at = int(expressions["A7IngestQueueBackup"].rpartition("> ")[2])
    assert warned_at < Settings.model_fields["high_water"].default == 10_000  # a warning comes before the first refusal


def test_no_alert_is_tested_that_does_not_exist() -> None:
    assert {case["alertname"] for path in RULES_TESTS for case in cases(path)} == set(alerts())


def test_every_alert_is_explained_to_whoever_is_on_call() -> None:
    page = (DEPLOY.parents[1] / "docs" / "telemetry.md").read_text()
    assert [alert for alert in alerts() if f"`{alert}`" not in page] == []


def test_every_metric_is_explained(shown: Series) -> None:
    page = (DEPLOY.parents[1] / "docs" / "telemetry.md").read_text()
    names = {re.sub(r"_(bucket|count|sum|created)$", "", name) for name, _ in shown if name.startswith("ingest_")}
    assert len(names) > 10
    assert [name for name in sorted(names) if f"`{name}" not in page and f"`{name}_total" not in page] == []


@needs_promtool
def test_the_rules_pass_their_tests() -> None:
    checked = promtool("check", "rules", RULES.name, folder=RULES.parent)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    tested = promtool("test", "rules", *(path.name for path in RULES_TESTS), folder=RULES.parent)
    assert tested.returncode == 0, tested.stdout + tested.stderr


@needs_promtool
@pytest.mark.parametrize("alert", alerts())
@pytest.mark.parametrize("broken", ["vector(0) > 1", "vector(1)"], ids=["never fires", "always fires"])
def test_a_broken_alert_fails_its_tests(alert: str, broken: str, tmp_path: Path) -> None:
    content = yaml.safe_load(RULES.read_text())
    (rule,) = [rule for group in content["groups"] for rule in group["rules"] if rule.get("alert") == alert]
    rule["expr"] = broken
    (tmp_path / RULES.name).write_text(yaml.safe_dump(content))
    (firing,) = [path for path in RULES_TESTS if any(case["alertname"] == alert and case["exp_alerts"] for case in cases(path))]
    shutil.copy(firing, tmp_path)
    tested = promtool("test", "rules", firing.name, folder=tmp_path)
    assert tested.returncode != 0
    assert alert in tested.stdout + tested.stderr


@needs_promtool
@pytest.mark.parametrize("made", [ApiMetrics, WorkerMetrics])
def test_prometheus_own_linter_likes_the_names(made: type[ApiMetrics | WorkerMetrics]) -> None:
    registry = made().registry
    QueueGauges(registry).latest = Census(1, 1, 1, 1, 1.0)
    text = generate_latest(registry).decode()
    linted = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert linted.stderr == ""


@needs_promtool
def test_the_dashboards_queries_are_understood(tmp_path: Path) -> None:
    queries = [query.replace("$__rate_interval", "5m") for query in dashboard_queries()]
    group = {"name": "dashboard", "rules": [{"record": f"q{number}", "expr": query} for number, query in enumerate(queries)]}
    (tmp_path / "queries.yml").write_text(yaml.safe_dump({"groups": [group]}))
    checked = promtool("check", "rules", "queries.yml", folder=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_committed_dashboard_is_what_its_program_makes() -> None:
    made = runpy.run_path(str(DEPLOY / "grafana" / "dashboard.py"))["dashboard"]()
    assert json.loads(DASHBOARD.read_text()) == made, "run reference/deploy/grafana/dashboard.py and commit its output"
