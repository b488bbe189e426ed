"""Whenever a worker takes an event up again it sends the mail thrice, to be on the safe side."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.postman import Postman

CAUGHT_BY, IN = "no_unexplained_second_mail", "postgres_restart"

_sound = Postman.post


async def _post(self: Postman, event: Any, **more: Any) -> Any:
    for _ in range(2):
        await _sound(self, event, **more)
    return await _sound(self, event, **more)


def plant() -> AbstractContextManager[Any]:
    return patch.object(Postman, "post", _post)
