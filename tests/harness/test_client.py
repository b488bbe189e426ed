"""What a client does with each answer, on a scripted world in which only the clock is real (and short)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from harness import client
from harness.client import Course, deliver, is_worth_retrying, serve_submission
from harness.history import Header, History, Pair, Post, Read
from harness.traffic import Event, Submission


class ScriptedWorld:
    """Answers POSTs and status reads from two scripts; time passes only in `asyncio.sleep`."""

    def __init__(self, posts: list[dict[str, Any]], statuses: list[str | None]) -> None:
        self.posts: Iterator[dict[str, Any]] = iter(posts)
        self.statuses = iter(statuses)
        self.history = History(Header(scenario="x", system="x", world="x", seed=0))
        self.clock = self

    def now(self) -> float:
        return asyncio.get_running_loop().time() - self.began

    def begin(self) -> None:
        self.began = asyncio.get_running_loop().time()

    async def submit(self, event: Event, *, attempt: int) -> Post:
        now = self.now()
        facts: dict[str, Any] = {
            "pair": event.pair,
            "payload": event.payload,
            "wants_mail": False,
            "poison": False,
            "begin_s": now,
            "end_s": now,
        }
        post = Post(**(facts | {"attempt": attempt} | next(self.posts)))
        self.history.record(post)
        return post

    async def read_status(self, pair: Pair, *, final: bool = False) -> Read:
        now = self.now()
        read = Read(pair=pair, begin_s=now, end_s=now, outcome="ok", http_status=200, status=next(self.statuses))
        self.history.record(read)
        return read


ACCEPTED = {"outcome": "ok", "http_status": 202, "answer": "accepted"}
SUBMISSION = Submission(0.0, Event(id="e"))


async def delivered(*posts: dict[str, Any], course: Course | None = None) -> ScriptedWorld:
    world = ScriptedWorld(list(posts), [])
    world.begin()
    await deliver(world, SUBMISSION, course or Course())  # type: ignore[arg-type]
    return world


@pytest.mark.parametrize(
    "answer",
    [
        {"outcome": "unknown", "error": "ReadTimeout"},
        {"outcome": "unknown", "http_status": 504},
        {"outcome": "unknown", "http_status": 500},
        {"outcome": "failed", "http_status": 429, "retry_after_s": 0.0},
        {"outcome": "failed", "http_status": 503, "retry_after_s": 0.0},
        {"outcome": "failed", "error": "every API process refused the connection"},
    ],
)
async def test_what_may_have_been_taken_or_is_refused_for_now_is_posted_again(answer: dict[str, Any]) -> None:
    world = await delivered(answer, ACCEPTED)
    assert [post.attempt for post in world.history.of(Post)] == [0, 1]


@pytest.mark.parametrize(
    "answer", [ACCEPTED, {"outcome": "ok", "answer": "duplicate"}, {"outcome": "failed", "http_status": 422}]
)
async def test_what_is_answered_for_good_is_posted_once(answer: dict[str, Any]) -> None:
    assert len((await delivered(answer)).history.of(Post)) == 1


async def test_retry_after_is_honoured() -> None:
    world = await delivered({"outcome": "failed", "http_status": 503, "retry_after_s": 0.3}, ACCEPTED)
    first, second = world.history.of(Post)
    assert second.begin_s - first.end_s >= 0.3


async def test_patience_ends_ten_seconds_after_the_last_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PATIENCE_SECONDS", 0.3)
    refusals = [{"outcome": "failed", "http_status": 503, "retry_after_s": 0.1}] * 50
    world = await delivered(*refusals)
    assert 2 <= len(world.history.of(Post)) <= 4


def test_a_client_has_patience_while_a_fault_is_open() -> None:
    assert Course(faults_open=1).has_patience(since_s=0, now_s=1e9)
    assert Course(calm_since_s=5).has_patience(since_s=0, now_s=14.9)
    assert not Course(calm_since_s=5).has_patience(since_s=0, now_s=15)
    assert Course(calm_since_s=5).has_patience(since_s=20, now_s=29.9), "an event posted later has patience of its own"


async def test_the_course_counts_clients_without_a_last_answer() -> None:
    course = Course()
    await delivered({"outcome": "unknown"}, ACCEPTED, course=course)
    assert course.posting == 0


async def test_a_promised_event_is_read_at_once_and_until_it_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "STATUS_PAUSES_SECONDS", (0.01,))
    world = ScriptedWorld([ACCEPTED], ["pending", None, "processing", "completed"])
    world.begin()
    await serve_submission(world, SUBMISSION, Course(saw_final_s=0.0))  # type: ignore[arg-type]
    assert [read.status for read in world.history.of(Read)] == ["pending", None, "processing", "completed"]
    assert world.history.of(Read)[0].begin_s - world.history.of(Post)[0].end_s < 0.2


@pytest.mark.parametrize("final", ["completed", "failed"])
async def test_a_final_status_is_read_once_more_whatever_it_shows_then(final: str) -> None:
    world = ScriptedWorld([ACCEPTED], [final, "pending"])
    world.begin()
    await serve_submission(world, SUBMISSION, Course(pauses=iter([0.05])))  # type: ignore[arg-type]
    first, again = world.history.of(Read)
    assert [first.status, again.status] == [final, "pending"]
    assert again.begin_s - first.end_s >= 0.05


def test_a_sample_of_the_clients_reads_again_soon_and_late_in_turn() -> None:
    course = Course()
    pauses = [course.reads_again_in_s(now_s=at_s) for at_s in (0.0, 1.0, 2.49, 2.5, 4.99, 5.0, 7.5)]
    assert pauses == [0.1, None, None, 0.5, None, 2.0, 0.1]


async def test_every_copy_is_posted_and_one_of_them_follows() -> None:
    world = ScriptedWorld([ACCEPTED] + [{"outcome": "ok", "answer": "duplicate"}] * 3, ["completed"])
    world.begin()
    await serve_submission(world, Submission(0.0, Event(id="e"), copies=4), Course(saw_final_s=0.0))  # type: ignore[arg-type]
    assert len(world.history.of(Post)) == 4
    assert len(world.history.of(Read)) == 1


def test_a_refusal_for_good_is_not_worth_retrying() -> None:
    facts: dict[str, Any] = {"pair": Pair("a", "b"), "payload": "", "wants_mail": False, "poison": False, "attempt": 0}
    post = Post(**facts, begin_s=0, end_s=0, outcome="failed", http_status=400)
    assert not is_worth_retrying(post)
