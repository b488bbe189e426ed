"""What is posted, and what counts as a right answer."""

from __future__ import annotations

import json
from random import Random

import pytest

from loadtests.contract import fault_of_post, fault_of_read
from loadtests.workload import REMEMBERED, Mix, Posting, Workload

FRESH, AGAIN = Posting("a", "{}"), Posting("a", "{}", duplicate=True)


def test_shares_of_mails_and_duplicates() -> None:
    workload = Workload(Mix(mailed=0.25, duplicates=0.3), "run-0-1", Random(1))
    postings = []
    for _ in range(4000):
        posting = workload.next_post()
        postings.append(posting)
        if not posting.duplicate:
            workload.accepted(posting)
    fresh = [json.loads(posting.payload) for posting in postings if not posting.duplicate]
    repeated = [posting for posting in postings if posting.duplicate]
    assert len({event["id"] for event in fresh}) == len(fresh)
    assert len(repeated) / len(postings) == pytest.approx(0.3, abs=0.03)
    assert sum("email" in event for event in fresh) / len(fresh) == pytest.approx(0.25, abs=0.03)
    payloads = {json.loads(posting.payload)["id"]: posting.payload for posting in postings if not posting.duplicate}
    assert all(posting.payload == payloads[posting.id] for posting in repeated)


def test_reads_are_of_events_accepted_lately() -> None:
    workload = Workload(Mix(), "run-0-1", Random(1))
    assert workload.next_read() is None
    for _ in range(3 * REMEMBERED):
        workload.accepted(workload.next_post())
    read = {workload.next_read() for _ in range(5000)}
    assert read <= {f"run-0-1-{number}" for number in range(2 * REMEMBERED + 1, 3 * REMEMBERED + 1)}


@pytest.mark.parametrize(
    ("posting", "http_status", "body", "fault"),
    [
        (FRESH, 202, '{"status": "accepted", "id": "a"}', ""),
        (FRESH, 200, '{"status": "processed", "id": "a"}', ""),
        (AGAIN, 200, '{"status": "duplicate", "original_id": "a"}', ""),
        (FRESH, 200, '{"status": "duplicate", "original_id": "a"}', "a fresh event was called a duplicate"),
        (AGAIN, 202, '{"status": "accepted", "id": "a"}', "a repeated event was accepted again"),
        (FRESH, 202, '{"status": "accepted", "id": "b"}', "202 with another id"),
        (FRESH, 200, '{"status": "accepted", "id": "a"}', "200 with an unknown status"),
        (FRESH, 202, '{"status": "duplicate", "original_id": "a"}', "202 with an unknown status"),
        (FRESH, 202, "[1]", "202 without a JSON object"),
        (FRESH, 202, "", "202 without a JSON object"),
        (FRESH, 429, "", "refused"),
        (FRESH, 503, "", "refused"),
        (FRESH, 500, "{}", "answered 500"),
        (FRESH, 302, "", "answered 302"),
    ],
)
def test_answers_to_posts(posting: Posting, http_status: int, body: str, fault: str) -> None:
    assert fault_of_post(posting, http_status, body.encode()) == fault


@pytest.mark.parametrize(
    ("http_status", "body", "fault"),
    [
        (200, '{"id": "a", "status": "pending"}', ""),
        (200, '{"id": "a", "status": "done"}', "200 with an unknown status"),
        (200, '{"id": "b", "status": "pending"}', "200 with another id"),
        (200, "null", "200 without a JSON object"),
        (404, "{}", "answered 404"),
        (503, "{}", "refused"),
    ],
)
def test_answers_to_reads(http_status: int, body: str, fault: str) -> None:
    assert fault_of_read("a", http_status, body.encode()) == fault
