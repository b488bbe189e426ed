"""How the harness' clients behave: post, retry the same pair while that makes sense, then follow the status to its end.

A client retries what is unknown, 429 and 503 with the same pair, honouring Retry-After, until `PATIENCE_SECONDS` after the
last fault; every attempt is an operation of the history. `Course` is what clients and faults of one run share.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, cycle, repeat

from harness.history import Post
from harness.traffic import Submission
from harness.worlds.world import World

PATIENCE_SECONDS = 10.0
LONGEST_RETRY_PAUSE_SECONDS = 2.0
STATUS_PAUSES_SECONDS = (0.5, 1.5, 4.5, 13.5, 30.0)  # the last one repeats
READ_AGAIN_AFTER_SECONDS = (0.1, 0.5, 2.0)  # after the first final status, one client each in turn: it must not change any more
READS_AGAIN_EVERY_SECONDS = 2.5  # at most one client does in that time: every event is read once more at the end anyway
FINAL_STATUSES = ("completed", "failed")


@dataclass(slots=True)
class Course:
    """How far a run has come."""

    faults_open: int = 0
    calm_since_s: float = 0.0  # when the last fault ended
    posting: int = 0  # clients that have not got their last answer yet
    saw_final_s: float = -math.inf  # when a client last saw a final status and set out to read it once more
    pauses: Iterator[float] = field(default_factory=lambda: cycle(READ_AGAIN_AFTER_SECONDS))

    def has_patience(self, *, since_s: float, now_s: float) -> bool:
        """Whether a client that began at `since_s` still retries."""
        return self.faults_open > 0 or now_s < max(self.calm_since_s, since_s) + PATIENCE_SECONDS

    def reads_again_in_s(self, *, now_s: float) -> float | None:
        """How long a client that sees a final status now waits before it looks once more; None: it is not of the sample."""
        if now_s < self.saw_final_s + READS_AGAIN_EVERY_SECONDS:
            return None
        self.saw_final_s = now_s
        return next(self.pauses)


def is_worth_retrying(post: Post) -> bool:
    """Unknown outcomes and refusals for now; never a promise, never a refusal for good."""
    return post.outcome == "unknown" or (post.outcome == "failed" and post.http_status in (None, 429, 503))


async def serve_submission(world: World, submission: Submission, course: Course) -> None:
    """Be all the clients of one submission: post its copies at once, then follow the event once it is promised."""
    delay = submission.at_s - world.clock.now()
    if delay > 0:
        await asyncio.sleep(delay)
    posts = await asyncio.gather(*(deliver(world, submission, course) for _ in range(submission.copies)))
    if any(post.promises for post in posts):
        await follow(world, submission, course)


async def deliver(world: World, submission: Submission, course: Course) -> Post:
    """Post one event until it is answered for good or patience ends; the last answer."""
    course.posting += 1
    since = world.clock.now()
    pauses = _retry_pauses()
    attempt = 0
    try:
        while True:
            post = await world.submit(submission.event, attempt=attempt)
            pause = post.retry_after_s if post.retry_after_s is not None else next(pauses)
            resumes = world.clock.now() + pause
            if not is_worth_retrying(post) or not course.has_patience(since_s=since, now_s=resumes):
                return post
            await asyncio.sleep(pause)
            attempt += 1
    finally:
        course.posting -= 1


async def follow(world: World, submission: Submission, course: Course) -> None:
    """Read the event's status at once, and then ever more rarely, until it is final; then perhaps see whether it stays so."""
    pair = submission.event.pair
    for pause in chain(STATUS_PAUSES_SECONDS, repeat(STATUS_PAUSES_SECONDS[-1])):
        if (await world.read_status(pair)).status in FINAL_STATUSES:
            break
        await asyncio.sleep(pause)
    again_in_s = course.reads_again_in_s(now_s=world.clock.now())
    if again_in_s is not None:
        await asyncio.sleep(again_in_s)
        await world.read_status(pair)


def _retry_pauses() -> Iterator[float]:
    pause = 0.2
    while True:
        yield pause
        pause = min(pause * 2, LONGEST_RETRY_PAUSE_SECONDS)
