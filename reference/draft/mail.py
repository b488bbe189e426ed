"""The draft's mail: a call to SendGrid whose answer nobody reads, tried three times. A good one: `reference/mailer.py`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any

import httpx
import pybreaker

breaker = pybreaker.CircuitBreaker(fail_max=5, reset_timeout=30)


@breaker  # without effect on `async def`: calling one never raises, only awaiting it does
async def send_email_with_circuit(event: Mapping[str, Any], *, repaired: bool) -> httpx.Response:
    """One call to SendGrid; raises httpx.TransportError, but not for an HTTP error."""
    headers = {"Authorization": f"Bearer {os.getenv('SENDGRID_API_KEY')}"} if repaired else {}
    body = mail_of(event) if repaired else event
    async with httpx.AsyncClient(timeout=10.0) as client:
        return await client.post(os.environ["SENDGRID_URL"], json=body, headers=headers)


async def send_with_backoff(event: Mapping[str, Any], *, repaired: bool) -> None:
    """Three tries with pauses of 1, 2 and 4 s, the last one for nothing. Never raises: what failed is forgotten."""
    if repaired and not event.get("email"):
        return
    for attempt in range(3):
        try:
            await send_email_with_circuit(event, repaired=repaired)
            break
        except Exception:
            await asyncio.sleep(2**attempt)


def mail_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """The mail/send body of an event that asks for a mail."""
    email = event["email"]
    return {
        "personalizations": [{"to": [{"email": email["to"]}]}],
        "from": {"email": "pages@example.com"},
        "subject": email.get("subject") or "Ready",
        "content": [{"type": "text/plain", "value": email.get("text") or "Ready."}],
        "custom_args": {"source": event["source"], "id": event["id"]},
    }
