"""Log lines: JSON, one a line, whatever a client put into its ids; what is worth one; and what is never in one."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.requests import Request

from reference import logs
from reference.events import Pair
from reference.intake import Intake, UnansweredError
from reference.mailer import Outcome
from reference.observed import Journal
from reference.tracing import Tracing
from tests.reference.servers import Redis, eventually
from tests.reference.spans import into
from tests.reference.workbench import PRIVATE, Workbench, event


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Where the lines go."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonLines())
    logger = logging.getLogger("reference")
    level, logger.level = logger.level, logging.INFO
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)
    logger.level = level


def told(lines: io.StringIO, message: str = "") -> list[dict[str, object]]:
    found = [json.loads(line) for line in lines.getvalue().splitlines()]
    return [line for line in found if message in line["message"]]


@pytest.fixture
def bench(redis: Redis) -> Workbench:
    """The asynchronous service."""
    return Workbench(redis.url, MAIL_TIMEOUT_SECONDS="0.5", DRAIN_SECONDS="3", BREAKER_FAILURES="1", BREAKER_RESET_SECONDS="60")


def test_a_line_is_one_line_of_ascii_whatever_is_in_it(lines: io.StringIO) -> None:
    logging.getLogger("reference.test").warning("careful", extra={"event_id": 'e\r\n{"level":"error"}\u2028\x1b[31m\ud800'})
    assert lines.getvalue().count("\n") == 1
    assert lines.getvalue().isascii()
    (line,) = told(lines)
    assert (line["level"], line["logger"], line["message"]) == ("warning", "reference.test", "careful")
    assert str(line["event_id"]).startswith('e\r\n{"level"')
    assert str(line["time"]).endswith("Z")


def test_of_an_exception_the_type_and_the_place_are_told_and_not_what_it_quotes(lines: io.StringIO) -> None:
    try:
        raise ValueError("invalid input: confidential")
    except ValueError:
        logging.getLogger("reference.test").exception("broken")
    (line,) = told(lines)
    assert "confidential" not in lines.getvalue()
    error = line["error"]
    assert isinstance(error, dict)
    assert error["type"] == "ValueError"
    assert str(error["at"][-1]).startswith("test_logs.py:")


async def test_a_client_left_in_doubt_is_told_of_with_its_event(
    bench: Workbench, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def late(*_: object) -> None:
        raise UnansweredError

    monkeypatch.setattr(Intake, "accept", late)
    async with bench.serving() as api:
        await api.post("/ingest", json=event(data="confidential"))
        await api.post("/ingest", json=event("e2"))
    first, second = told(lines, "does not know")
    assert (first["event_id"], first["event_source"], first["outcome"]) == ("e1", "a5", "unanswered")
    assert second["event_id"] == "e2", "each of them matters"
    assert_private(lines)


def test_refusals_are_told_of_once_a_second_with_how_many_there_were(lines: io.StringIO) -> None:
    journal, request = Journal("ingest"), Request({"type": "http", "event": Pair("a5", "e1")})
    for at in (10.0, 10.1, 10.9, 11.1, 11.2):
        journal.write("full", request, at=at)
    journal.write("unavailable", request, at=11.2)
    found = [(line["outcome"], line["others_since_last_line"]) for line in told(lines, "refused")]
    assert found == [("full", 0), ("full", 2), ("unavailable", 0)]


async def test_what_failed_for_good_and_mails_not_sent_are_told_of(bench: Workbench, lines: io.StringIO) -> None:
    bench.provider.status = 400
    async with bench.serving() as api, bench.working():
        await api.post("/ingest", json=event(data="confidential"))
        await eventually(lambda: told(lines, "failed for good"))
    (failed,) = told(lines, "failed for good")
    assert (failed["event_id"], failed["reason"], failed["attempts"]) == ("e1", "the mail provider answered 400", 1)
    (mail,) = told(lines, "was not sent")
    assert (mail["event_id"], mail["outcome"]) == ("e1", Outcome.REFUSED.value)
    assert_private(lines)


async def test_the_breaker_says_when_it_opens(bench: Workbench, lines: io.StringIO) -> None:
    bench.provider.status = 503
    async with bench.serving() as api, bench.working():
        await api.post("/ingest", json=event())
        await eventually(lambda: told(lines, "the mail breaker is open"))
    assert len(told(lines, "the mail breaker")) == 1


async def test_a_line_of_a_traced_task_names_its_trace(bench: Workbench, lines: io.StringIO) -> None:
    spans = InMemorySpanExporter()
    bench.tracing, bench.provider.status = Tracing(into(spans)), 400
    async with bench.serving() as api, bench.working():
        await api.post("/ingest", json=event())
        await eventually(lambda: told(lines, "failed for good"))
    (failed,) = told(lines, "failed for good")
    (consumer,) = [span for span in spans.get_finished_spans() if span.name == "process ingest"]
    assert failed["trace_id"] == f"{consumer.context.trace_id:032x}"
    logging.getLogger("reference.test").warning("elsewhere")
    assert "trace_id" not in told(lines, "elsewhere")[0]


async def test_ordinary_work_leaves_no_line(bench: Workbench, lines: io.StringIO) -> None:
    async with bench.serving() as api, bench.working():
        await api.post("/ingest", json=event())
        await eventually(lambda: len(bench.provider.requests) == 1)
        lines.truncate(0)  # the first worker of all told that it had to make the consumer group
        await api.post("/ingest", json=event("e2"))
        await eventually(lambda: len(bench.provider.requests) == 2)
    assert lines.getvalue().strip("\0") == ""


def assert_private(lines: io.StringIO) -> None:
    assert not [secret for secret in PRIVATE if secret in lines.getvalue()]
