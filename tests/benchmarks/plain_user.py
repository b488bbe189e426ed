"""Locust's own fast user, asking as fast as it is answered: what ours is measured against. Opened by Locust only."""

from __future__ import annotations

from locust import FastHttpUser, task


class PlainUser(FastHttpUser):
    """Posts an event, and again."""

    @task
    def post(self) -> None:
        """One POST."""
        email = {"to": "reader@example.com", "subject": "Ready", "text": "Your page is ready."}
        event = {"id": "plain-0-1-1", "source": "load", "type": "page.published", "data": {"number": 1}, "email": email}
        self.client.post("/ingest", json=event)
