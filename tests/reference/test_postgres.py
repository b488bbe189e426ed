"""What only a store on Postgres can meet: a server that is away or refuses the login, and a table of an earlier release."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from reference.events import parse
from reference.postgres import PostgresStore
from reference.store import NewRow, StoreUnavailableError
from tests.reference.servers import Postgres

WITH_MAIL = ', "email": {"to": "r@example.com", "subject": "S", "text": "T"}'


def new(event_id: str, *, email: str = "") -> NewRow:
    return NewRow.of(parse(f'{{"id": "{event_id}", "source": "a5"{email}}}'))


async def test_a_server_that_is_not_there_was_not_asked() -> None:
    store = PostgresStore("postgresql://postgres@127.0.0.1:1/postgres")
    with pytest.raises(StoreUnavailableError) as error:
        await store.ping()
    assert not error.value.was_asked


@pytest.mark.parametrize("login", [{"path": "/no_such_database"}, {"netloc": "nobody@{address}"}], ids=["database", "role"])
async def test_a_server_that_refuses_the_login_was_not_asked(shared_postgres: Postgres, login: dict[str, str]) -> None:
    url = urlsplit(shared_postgres.url)
    address = url.netloc.rpartition("@")[2]
    store = PostgresStore(url._replace(**{part: value.format(address=address) for part, value in login.items()}).geturl())
    with pytest.raises(StoreUnavailableError) as error:
        await store.add([new("e1")])
    assert not error.value.was_asked


async def test_a_table_made_before_there_were_two_paths_is_brought_up_to_date(shared_postgres: Postgres) -> None:
    store = PostgresStore(shared_postgres.url)
    await store.migrate()
    async with store._connection() as connection:
        await connection.execute("TRUNCATE events")
    await store.add([new("waits", email=WITH_MAIL), new("done")])
    async with store._connection() as connection:
        await connection.execute("ALTER TABLE events DROP path, DROP marked")
    await store.migrate()
    await store.migrate()
    assert [row.path for name in ("waits", "done") for row in await store.find(name)] == ["request", "queue"]
    await store.add([new("waits", email=WITH_MAIL)])
    assert [row.path for row in await store.find("waits")] == ["queue"]
    await store.close()
