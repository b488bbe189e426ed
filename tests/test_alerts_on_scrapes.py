"""The alert rules, on what was scraped while the trouble they are for really happened, and while nothing did.

A rule's expression, without its `for`, is asked at the last scrape before the fault ended. Then nothing changes any more for ten
minutes (or for five more than the rule's `for`), and the rule itself, with its `for`, must fire. docs/telemetry.md says which
alerts are shown so and which on made-up series alone.
"""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.run_folder import execution, folder
from tests.scraped import Scraped, read

yaml: Any = importlib.import_module("yaml")  # it has no types here
ROOT = Path(__file__).resolve().parent.parent
RULES = ROOT / "reference" / "deploy" / "prometheus" / "rules.yml"
TEN_MINUTES_S = 600
FIRE = {  # by scenario
    "backlog": {"A7IngestQueueBackup", "A7IngestOldestEventStuck", "A7WorkerDown"},
    "sendgrid_outage": {"A7MailBreakerOpen"},
    "redis_restart": {"A7QueueUnreachable", "A7IngestBudgetBurnsFast", "A7IngestBudgetBurns"},
    "poison_event": {"A7DeadLetters"},
    "worker_crash": {"A7WorkerDown"},
}
NOT_YET = {"A7IngestOldestEventStuck"}  # five minutes old: no scenario takes that long
LATENCY = "A7IngestLatencyHigh"  # of two thousand POSTs in 20 s it says what this machine is

pytestmark = [
    pytest.mark.quiet,
    pytest.mark.xdist_group("reference"),
    pytest.mark.skipif(
        shutil.which("promtool") is None,
        reason="promtool is not there; it comes with Prometheus (Debian: apt-get install prometheus)",
    ),
]

Asked = dict[str, Any]


@cache
def alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def seconds(duration: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([sm])", duration).groups()  # type: ignore[union-attr]
    return int(number) * {"s": 1, "m": 60}[unit]


def scraped(run: Path, name: str) -> Scraped:
    """What was scraped until the scenario's fault ended; everything if it has none."""
    one = execution(run, name)
    if one["ruling"] != "held":  # test_the_reference_holds says whether that may be
        pytest.skip(
            f"{name} was {one['ruling']}, so what was scraped may show a machine that is too busy; run it when it is idle"
        )
    planned = importlib.import_module(f"scenarios.{name}").scenario.faults
    ends = [fault["begin_s"] + plan.lasts_seconds for fault, plan in zip(one["faults"], planned, strict=True)]
    return read(folder(run, name) / "metrics.jsonl", before_s=min(ends, default=float("inf")))


def asked(expression: str, *, at_s: int, is_true: bool) -> Asked:
    """A question of promtool's: whether the expression has any value there."""
    wanted = [{"labels": "{}", "value": int(is_true)}]
    return {"expr": f"(count({expression}) > bool 0) or vector(0)", "eval_time": f"{at_s}s", "exp_samples": wanted}


def without_for(found: Scraped, alert: str, *, is_true: bool) -> list[Asked]:
    """At the last scrape: the expression is true or not, and no alert fires yet."""
    expression, at_s = alerts()[alert]["expr"], found.end_s - 1
    return [asked(expression, at_s=at_s, is_true=is_true), asked(firing(alert), at_s=at_s, is_true=False)]


def with_for(alert: str, *, is_true: bool) -> Asked:
    """After ten minutes: the alert fired, or did not."""
    at_s = held_s(alert)
    return asked(f"count_over_time({firing(alert)}[{at_s}s])", at_s=at_s, is_true=is_true)


def firing(alert: str) -> str:
    return f'ALERTS{{alertname="{alert}",alertstate="firing"}}'


def held_s(alert: str) -> int:
    return max(TEN_MINUTES_S, seconds(alerts()[alert]["for"]) + 300)


def promtool(place: Path, found: Scraped, questions: list[Asked], *, rules: str = "") -> subprocess.CompletedProcess[str]:
    """Ask the rules as they are deployed (or `rules`); exit code 0 if every answer is as expected."""
    (place / "rules.yml").write_text(rules or RULES.read_text())
    to_s = max(int(question["eval_time"].removesuffix("s")) for question in questions)
    test = {"interval": "1s", "input_series": found.stretched(to_s=to_s), "promql_expr_test": questions}
    document = {"rule_files": ["rules.yml"], "evaluation_interval": "1s", "tests": [test]}
    (place / "scraped_test.yml").write_text(json.dumps(document))  # YAML too
    words = ["promtool", "test", "rules", "scraped_test.yml"]
    return subprocess.run(words, cwd=place, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", list(FIRE))
def test_they_fire_where_they_should(reference_run: Path, tmp_path: Path, name: str) -> None:
    found = scraped(reference_run, name)
    at_once = [question for alert in FIRE[name] for question in without_for(found, alert, is_true=alert not in NOT_YET)]
    done = promtool(tmp_path, found, [*at_once, *(with_for(alert, is_true=True) for alert in FIRE[name])])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["baseline", "backlog"])
def test_the_others_do_not(reference_run: Path, tmp_path: Path, name: str) -> None:
    found = scraped(reference_run, name)
    others = set(alerts()) - FIRE.get(name, set()) - ({LATENCY} if name == "backlog" else set())
    questions = [question for alert in others for question in without_for(found, alert, is_true=False)]
    done = promtool(tmp_path, found, [*questions, *(with_for(alert, is_true=False) for alert in others)])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ingest_queue_depth) > 1000", "ingest_queue_depth) > 5000"),
        ("> 1000\n        for: 5m", "> 1000\n        for: 11m"),
        ("> 1000\n        for: 5m", "> 1000\n        for: 0s"),
    ],
    ids=["another limit", "waits for too long", "does not wait"],
)
def test_a_wrong_rule_is_found_on_the_backlog(reference_run: Path, tmp_path: Path, old: str, new: str) -> None:
    rules, found = RULES.read_text(), scraped(reference_run, "backlog")
    assert old in rules
    questions = [*without_for(found, "A7IngestQueueBackup", is_true=True), with_for("A7IngestQueueBackup", is_true=True)]
    done = promtool(tmp_path, found, questions, rules=rules.replace(old, new))
    assert done.returncode == 1
    assert "got:" in done.stdout + done.stderr


def test_the_backlog_is_two_thousand_events(reference_run: Path) -> None:
    assert execution(reference_run, "backlog")["counts"]["offered"] == 2000


def test_the_page_says_which_alert_is_shown_on_what() -> None:
    page = (ROOT / "docs" / "telemetry.md").read_text()
    rows = page.split("| alert | fires on what was scraped in |\n|---|---|\n")[1].split("\n\n")[0].splitlines()
    told: dict[str, set[str]] = {}
    for names, where in (row.strip("| ").split(" | ") for row in rows):
        told |= {name: set(re.findall(r"`(\w+)`", where)) for name in re.findall(r"`(\w+)`", names)}
    assert told == {alert: {name for name in FIRE if alert in FIRE[name]} for alert in alerts()}
