"""Requests generated from the OpenAPI document by schemathesis, sent, and judged.

Its own checks hold each answer to the document; what they cannot know (which refusals of a well-formed event are right, which 5xx
are honest) is judged here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis import engine
from schemathesis.engine import events

Json = dict[str, Any]
HONEST = ["2xx", "3xx", "4xx", "503", "504"]
LONGEST_SECONDS = 8.0
# A body may follow its schema and still rightly be refused.
RIGHTLY = ("urn:ingest:problem:conflict", "urn:ingest:problem:unstorable", "urn:ingest:problem:mail-refused")
NO_CANONICAL_FORM = "without a canonical JSON form"


@dataclass
class Findings:
    """What was sent and answered: a status for each request, the pairs that were promised or done, and what is wrong."""

    statuses: list[int] = field(default_factory=list)
    promised: set[tuple[str, str]] = field(default_factory=set)
    processed: set[tuple[str, str]] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)


def config(*, examples: int, seed: int, key: str = "") -> schemathesis.Config:
    """Everything schemathesis checks, with our idea of an honest 5xx; `key` is shown, but for requests that try without."""
    checks = {
        "not_a_server_error": {"expected-statuses": HONEST},
        "positive_data_acceptance": {"enabled": False},  # judged here
        "max_response_time": LONGEST_SECONDS,
    }
    return schemathesis.Config.from_dict(
        {
            "seed": seed,
            "continue-on-failure": True,
            "request-timeout": LONGEST_SECONDS,
            "auth": {"openapi": {"header": {"api_key": key}}} if key else {},
            "generation": {"max-examples": examples, "database": "none"},
            "checks": checks,
        }
    )


def impatient(app: Callable[..., Any]) -> Callable[..., Any]:
    """`app`, with a hang made an error."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        async with asyncio.timeout(LONGEST_SECONDS if scope["type"] == "http" else None):
            await app(scope, receive, send)

    return answer


def send_all(schema: Any) -> Findings:
    """Send what schemathesis makes of `schema`."""
    findings = Findings()
    for event in engine.from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            findings.wrong.append(f"schemathesis could not go on: {event}")
        elif isinstance(event, events.ScenarioFinished):
            _judge(event.recorder, findings)
    return findings


def _judge(recorder: Any, findings: Findings) -> None:
    for checks in recorder.checks.values():
        for check in checks:
            if check.failure_info is not None:
                info = check.failure_info
                findings.wrong.append(f"{check.name}: {info.failure.title}: {info.failure.message}\n{info.code_sample}")
    for case_id, interaction in recorder.interactions.items():
        if interaction.response is None:
            findings.wrong.append(f"no answer: {recorder.cases[case_id].value.as_curl_command()}")
        else:
            _judge_one(recorder.cases[case_id].value, interaction.response, findings)


def _judge_one(case: Any, response: Any, findings: Findings) -> None:
    findings.statuses.append(response.status_code)
    if response.status_code == 202:
        findings.promised.add((case.body["source"], case.body["id"]))
    if response.status_code == 200 and json.loads(response.content).get("status") == "processed":
        findings.processed.add((case.body["source"], case.body["id"]))
    is_well_formed = case.meta is not None and case.meta.generation.mode.is_positive
    if response.status_code == 422 and is_well_formed and not _is_rightly_refused(json.loads(response.content)):
        findings.wrong.append(f"a well-formed event was refused: {response.content!r}\n{case.as_curl_command()}")


def _is_rightly_refused(problem: Json) -> bool:
    return problem["type"] in RIGHTLY or NO_CANONICAL_FORM in problem["detail"]
