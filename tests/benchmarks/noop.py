"""What the reference is compared with: a FastAPI endpoint that takes a pydantic body, does nothing and answers 202."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Mail(BaseModel):
    """The mail of an event."""

    to: str
    subject: str
    text: str


class Event(BaseModel):
    """The body every API here is sent."""

    id: str
    source: str
    type: str | None = None
    data: Any = None
    email: Mail | None = None


@app.post("/ingest", status_code=202)
async def ingest(event: Event) -> dict[str, str]:
    """Nothing."""
    return {"status": "accepted", "id": event.id}


if __name__ == "__main__":
    uvicorn.run(  # as the reference starts its own
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
    )
