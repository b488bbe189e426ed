"""What a database without room cannot store now counts as what it can never store: good events are failed for a full disk."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import asyncpg

from reference import postgres

CAUGHT_BY, IN, WORLD = "failed_is_justified", "postgres_disk_full", "real"


def plant() -> AbstractContextManager[Any]:
    return patch.object(postgres, "_UNSTORABLE", (*postgres._UNSTORABLE, asyncpg.DiskFullError))
