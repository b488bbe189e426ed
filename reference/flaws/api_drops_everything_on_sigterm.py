"""Told to stop, an API process ends at once: whoever waited for an answer gets a reset, and every deploy looks like a crash."""

import os
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.server import PoliteServer

CAUGHT_BY, IN, WORLD = "terminations_are_clean", "deploy", "real"


async def _shutdown(self: PoliteServer, sockets: Any = None) -> None:
    os._exit(143)


def plant() -> AbstractContextManager[Any]:
    return patch.object(PoliteServer, "shutdown", _shutdown)
