"""How latency must not be measured: users that wait for each answer before they send again. Writes its latencies, in ms."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from locust import FastHttpUser, constant_throughput, events, task

hooks: Any = events
latencies_ms: list[float] = []


class Patient(FastHttpUser):
    """Posts twenty times a second, if it is let."""

    wait_time = constant_throughput(20)

    @task
    def post(self) -> None:
        """One POST."""
        self.client.post("/ingest", json={"id": "x", "source": "closed"})


@hooks.request.add_listener  # type: ignore[untyped-decorator, unused-ignore]
def note(response_time: float, **_: Any) -> None:
    """Of every request."""
    latencies_ms.append(response_time)


@hooks.quitting.add_listener  # type: ignore[untyped-decorator, unused-ignore]
def write(**_: Any) -> None:
    """At the end."""
    Path(os.environ["LATENCIES"]).write_text(json.dumps(latencies_ms))
