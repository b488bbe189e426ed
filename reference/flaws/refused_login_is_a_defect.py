"""A database that refuses the login is nobody's case: who waits for an answer gets a 500, and tasks of workers break."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any
from unittest.mock import patch

import asyncpg

from reference.postgres import PostgresStore
from reference.store import StoreUnavailableError

CAUGHT_BY, IN, WORLD = "errors_are_problems", "postgres_refuses_logins", "real"

_sound = PostgresStore._connection


@asynccontextmanager
async def _connection(self: PostgresStore) -> AsyncIterator[Any]:
    try:
        async with _sound(self) as connection:
            yield connection
    except StoreUnavailableError as error:
        if isinstance(error.__cause__, asyncpg.InvalidAuthorizationSpecificationError):
            raise error.__cause__ from None
        raise


def plant() -> AbstractContextManager[Any]:
    return patch.object(PostgresStore, "_connection", _connection)
