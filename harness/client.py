"""How the harness' clients behave: post, retry the same pair while that makes sense, then follow the status to its end.

A client retries what is unknown, 429 and 503 with the same pair, honouring Retry-After, until `PATIENCE_SECONDS` after the
last fault; every attempt is an operation of the history. `Course` is what clients and faults of one run share.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, repeat

from harness.history import Post
from harness.traffic import Submission
from harness.worlds.world import World

PATIENCE_SECONDS = 10.0
LONGEST_RETRY_PAUSE_SECONDS = 2.0
STATUS_PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)  # the last one repeats


@dataclass(slots=True)
class Course:
    """How far a run has come."""

    faults_open: int = 0
    calm_since_s: float = 0.0  # when the last fault ended
    posting: int = 0  # clients that have not got their last answer yet

    def has_patience(self, *, since_s: float, now_s: float) -> bool:
        """Whether a client that began at `since_s` still retries."""
        return self.faults_open > 0 or now_s < max(self.calm_since_s, since_s) + PATIENCE_SECONDS


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
        await follow(world, submission)


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


async def follow(world: World, submission: Submission) -> None:
    """Read the event's status at once, and then ever more rarely, until it is final."""
    for pause in chain(STATUS_PAUSES_SECONDS, repeat(STATUS_PAUSES_SECONDS[-1])):
        read = await world.read_status(submission.event.pair)
        if read.status in ("completed", "failed"):
            return
        await asyncio.sleep(pause)


def _retry_pauses() -> Iterator[float]:
    pause = 0.2
    while True:
        yield pause
        pause = min(pause * 2, LONGEST_RETRY_PAUSE_SECONDS)
