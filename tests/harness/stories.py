"""Stories told more than once, for tests of what people read: `crash()`, `busy()`. The words are those of `story.py`."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

from harness.history import History
from tests.harness.story import Story

OFFERS = ("api", "mails", "postgres", "redis", "rows", "sendgrid", "worker")


def real_run(**header: Any) -> Story:
    """A real run of worker_crash against the draft, which claims nothing; nothing has happened yet."""
    told: dict[str, Any] = {
        "scenario": "worker_crash",
        "system": "draft",
        "world": "real",
        "seed": 7,
        "story": "A worker is killed in the middle of an event.",
        "traffic": "20 events per second for 20 s, 100% with a mail",
        "offers": OFFERS,
        "claims": {},
        "repeat": "harness run worker_crash --system draft --world real --seed 7",
        "must_hold": ({"checker": "ingest_stays_fast", "arguments": {"p95_ms": 50}},),
    }
    return Story(**(told | header))


def crash(*, events: int = 30, lose: Iterable[int] = (12,)) -> History:
    """Thirty events over fifteen seconds; a worker crash loses some."""
    story, lost = real_run(), set(lose)
    for number in range(events):
        name, at_s = f"evt_{number:06d}", 15 * number / events
        _lost(story, name, at_s) if number in lost else _kept(story, name, at_s)
    return story.quiet(38.0).history


def _kept(story: Story, name: str, at_s: float) -> None:
    """A promise from beginning to end, by a fast service."""
    story.posted(name, at_s, took_s=0.003).read(name, at_s + 0.01, "pending", took_s=0.002)
    story.mailed(name, at_s + 0.02, took_s=0.004).stored(name, at_s + 0.03).row(name).read(name, at_s + 0.5, took_s=0.002)


def _lost(story: Story, name: str, at_s: float) -> None:
    """A promise whose event died with the worker that had taken it."""
    story.posted(name, at_s, took_s=0.003, process="api-1").read(name, at_s + 0.01, "pending", took_s=0.002)
    story.suffered("WorkerCrashes", at_s + 0.05, at_s + 3.05, "worker-0", evidence="pid 41 is gone, 57 is ready")
    story.process("worker-0", "killed", at_s + 0.05).process("worker-0", "started", at_s + 3.05)
    for delay_s in (0.5, 1.5, 3.5, 7.5):
        story.read(name, at_s + delay_s, "processing", took_s=0.002)
    story.read(name, 38.0, "processing", took_s=0.002, final=True)


def busy(*, events: int = 400, seed: int = 1) -> History:
    """Four hundred events through an outage of SendGrid and a restart of Redis, with refusals and time-outs."""
    random, story = Random(seed), real_run(scenario="sendgrid_outage_and_redis_restart", system="async")
    story.suffered("SendGridAnswers", 5, 15, "sendgrid", evidence="212 calls answered 503")
    story.suffered("RedisCrashes", 8, 9.5, "redis", index=1)
    story.suffered("RedisLosesReplies", 12.0, 12.02, "api-0", "api-1", index=2)
    for number in range(events):
        at_s = 20 * (number + random.random()) / events
        name, took_s = f"evt_{number:06d}", random.lognormvariate(-5.8, 0.5)
        if 8 <= at_s < 9.5:
            if random.choice([True, True, False]):
                story.refused(name, at_s, took_s=took_s)
            else:
                story.unanswered(name, at_s, took_s=1.0, http_status=504)
            at_s, took_s = 9.6 + random.random() * 3, took_s * 3
        story.posted(name, at_s, took_s=took_s)
        while 5 <= at_s < 15:
            if random.random() < 0.4:
                story.mailed(name, at_s, http_status=503)
            at_s += random.uniform(2, 5)
        story.mailed(name, at_s + 0.1, reply_lost=random.random() < 0.05)
        story.stored(name, at_s + 0.3).row(name).read(name, at_s + 0.6)
    return story.quiet(41.0).history
