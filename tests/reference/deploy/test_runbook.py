"""The runbook knows every alert and every key it sends people to."""

from __future__ import annotations

import re

import yaml

from reference import connection
from tests.reference.deploy.deployed import DEPLOY, ROOT

RULES = DEPLOY / "prometheus" / "rules.yml"
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
SECTIONS = re.findall(r"^### (\w+)$", RUNBOOK.split("## What each alert means")[1], re.MULTILINE)


def test_every_alert_has_its_section_and_no_section_is_about_another() -> None:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    assert {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule} == set(SECTIONS)


def test_the_keys_it_names_are_the_services() -> None:
    named = set(re.findall(r"'(\{[^']+)'", RUNBOOK))
    assert named == {connection.STREAM, connection.DELAYED, connection.PARKED}
    assert f"'{connection.STREAM}' {connection.GROUP}" in RUNBOOK


def test_prometheus_scrapes_the_jobs_the_rules_ask_for() -> None:
    jobs = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    assert set(re.findall(r'job="([^"]+)"', RULES.read_text())) == {job["job_name"] for job in jobs}


def test_prometheus_reads_rules_that_are_there() -> None:
    named = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["rule_files"]
    assert [DEPLOY / "prometheus" / name for name in named] == [RULES]
