"""Every answer that is not a success is a problem document, and none says more than it should."""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from reference.api import create_app
from reference.problem import TITLES
from tests.reference.servers import Redis
from tests.reference.workbench import NOWHERE, Workbench, event, is_problem

REFERENCE = Path(__file__).resolve().parent.parent.parent / "reference"
MEMBERS = {"type", "title", "status", "detail", "instance"}


@pytest.fixture
async def api(redis: Redis) -> AsyncIterator[httpx.AsyncClient]:
    async with Workbench(redis.url).serving() as client:
        yield client


def raised_kinds() -> Iterator[tuple[str, str]]:
    for path in REFERENCE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ProblemError":
                for keyword in node.keywords:
                    if keyword.arg == "kind" and isinstance(keyword.value, ast.Constant):
                        yield str(keyword.value.value), f"{path.name}:{node.lineno}"


def test_every_kind_has_a_title_and_every_title_a_kind() -> None:
    raised = dict(raised_kinds())
    for kind, where in raised.items():
        assert kind in TITLES, f"{where} raises a problem of the kind '{kind}': give it a title in reference/problem.py"
    assert set(TITLES) == set(raised), "a title that nothing raises"


@pytest.mark.parametrize(
    ("method", "path", "status", "instance"),
    [
        ("GET", "/nowhere", 404, "/nowhere"),
        ("GET", "/ingest/", 404, "/ingest/"),
        ("POST", "/ingest/", 404, "/ingest/"),
        ("GET", "/ingest/a%2Fb/status", 404, "/ingest/a/b/status"),
        ("GET", "/ingest/a%0D%0Ab/status", 404, "/ingest/a%0D%0Ab/status"),
        ("GET", "/ingest/a%00/status", 404, "/ingest/a%00/status"),
        ("GET", "/ingest/%FF/status", 404, "/ingest/%EF%BF%BD/status"),
        ("GET", "/ingest/a/status?source=%00", 404, "/ingest/a/status"),
        ("GET", "http://api//evil.example/a", 404, "/.//evil.example/a"),
        ("PUT", "/ingest", 405, "/ingest"),
        ("DELETE", "/ingest/e1/status", 405, "/ingest/e1/status"),
        ("POST", "/healthz", 405, "/healthz"),
    ],
)
async def test_what_the_framework_refuses_is_a_problem_too(
    api: httpx.AsyncClient, method: str, path: str, status: int, instance: str
) -> None:
    answer = await api.request(method, path)
    assert is_problem(answer, status)
    assert set(answer.json()) == MEMBERS
    assert answer.json()["instance"] == instance
    assert re.fullmatch(r"[!-~]+", answer.json()["instance"]), "a URI reference"
    if status == 405:
        assert answer.headers["allow"] in ("GET", "POST")


async def test_a_length_that_is_no_number_breaks_nothing(api: httpx.AsyncClient) -> None:
    for length in (b"\xb2", b"9" * 5000):
        answer = await api.post("/ingest", content=b"{}", headers={b"Content-Length": length})
        assert answer.status_code in (413, 422)


class Broken:
    """In place of the queue's door: fails with words from the payload, as a careless library would."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def accept(self, event: Any) -> Any:
        raise self.error


def broken(error: Exception) -> FastAPI:
    parts: Any = replace(Workbench(NOWHERE).api(), handover=Broken(error))  # type: ignore[arg-type]
    return create_app(parts)


async def test_a_defect_is_answered_and_logged_without_what_it_says(caplog: pytest.LogCaptureFixture) -> None:
    # What came out of the application would be raised here.
    transport = httpx.ASGITransport(broken(ValueError("no place for reader@example.com")))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as api:
        answer = await api.post("/ingest", json=event())
    assert is_problem(answer, 500)
    assert "reader@example.com" not in answer.text + caplog.text
    assert "ValueError" in caplog.text
    assert "in accept" in caplog.text, "where it broke"


async def test_a_client_that_hangs_up_is_no_defect(caplog: pytest.LogCaptureFixture) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        raise AssertionError(f"nobody is left to hear {message}")

    scope = {"type": "http", "method": "POST", "path": "/ingest", "raw_path": b"/ingest", "query_string": b"", "headers": []}
    app = broken(AssertionError())
    await app({**scope, "scheme": "http", "root_path": "", "http_version": "1.1"}, receive, send)
    assert caplog.text == ""
    counted = app.state.parts.metrics.registry.get_sample_value
    assert counted("ingest_requests_total", {"outcome": "rejected"}) == 1, "no failure of ours, so no alert"
