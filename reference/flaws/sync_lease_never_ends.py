"""A synchronous attempt reserves its row for ever: one that dies with its process locks every retry out."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import synchronous

CAUGHT_BY, IN, SYSTEM = "ingest_recovers", "api_crash", "sync"


def plant() -> AbstractContextManager[Any]:
    return patch.object(synchronous, "_LEASE_MARGIN_SECONDS", 86_400.0)
