"""Whether an answer is one that the ingest contract knows. Each function returns "" or a short reason for Locust's page.

Only the form is judged here, answer by answer; whether promises were kept is decided from the whole record elsewhere.
"""

from __future__ import annotations

import json
from typing import Any

from loadtests.workload import Posting

REFUSED = "refused"
REFUSALS = frozenset({429, 503})  # certainly nothing was taken
STATUSES = frozenset({"pending", "processing", "completed", "failed"})


def fault_of_post(posting: Posting, http_status: int, body: bytes) -> str:
    """What is wrong with the answer to POST /ingest."""
    if http_status in REFUSALS:
        return REFUSED
    if http_status not in (200, 202):
        return f"answered {http_status}"
    document = _object(body)
    if document is None:
        return f"{http_status} without a JSON object"
    return _fault_of_taken(posting, http_status, document)


def fault_of_read(event_id: str, http_status: int, body: bytes) -> str:
    """What is wrong with the answer to the GET of the status of an accepted event."""
    if http_status in REFUSALS:
        return REFUSED
    if http_status != 200:
        return f"answered {http_status}"
    document = _object(body)
    if document is None:
        return "200 without a JSON object"
    if document.get("id") != event_id:
        return "200 with another id"
    return "" if document.get("status") in STATUSES else "200 with an unknown status"


def _fault_of_taken(posting: Posting, http_status: int, document: dict[str, Any]) -> str:
    status = document.get("status")
    if status not in ({"accepted"} if http_status == 202 else {"duplicate", "processed"}):
        return f"{http_status} with an unknown status"
    if document.get("original_id" if status == "duplicate" else "id") != posting.id:
        return f"{http_status} with another id"
    if posting.duplicate and status != "duplicate":
        return f"a repeated event was {status} again"
    if status == "duplicate" and not posting.duplicate:
        return "a fresh event was called a duplicate"
    return ""


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
