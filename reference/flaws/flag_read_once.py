"""An API process reads the flag when it starts, and never again."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.flag import Flag

CAUGHT_BY, IN = "the_flag_is_followed", "rollback_without_redis"


async def _watch(self: Flag) -> None:
    return


def plant() -> AbstractContextManager[Any]:
    return patch.object(Flag, "watch", _watch)
