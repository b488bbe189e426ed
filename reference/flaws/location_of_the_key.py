"""The Location of a 202 names the internal key: the client that follows it is told that there is no such event."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import api

CAUGHT_BY, IN = "answers_follow_the_contract", "baseline"


def plant() -> AbstractContextManager[Any]:
    return patch.object(api, "_location", lambda event: (b"location", f"/ingest/{event.source}:{event.id}/status".encode()))
