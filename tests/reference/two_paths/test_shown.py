"""What the database says of a finished event is shown, also where Redis takes no notes."""

from __future__ import annotations

import json

import pytest
from redis.exceptions import ReadOnlyError

from reference import scripts
from reference.events import Pair, parse
from reference.memory import MemoryStore
from reference.status import Status, Statuses
from reference.store import NewRow
from tests.reference.workbench import Database, event


async def test_a_redis_that_takes_no_notes_makes_a_final_status_no_less_true(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: object, **__: object) -> None:
        raise ReadOnlyError("You can't write against a read only replica.")

    monkeypatch.setattr(scripts, "run", refused)
    store = MemoryStore(Database())
    new = NewRow.of(parse(json.dumps(event())))
    await store.add([new])
    await store.complete([Pair("a5", "e1")])
    shown = await Statuses(object(), store).confirmed(  # type: ignore[arg-type]
        Pair("a5", "e1"), Status("processing"), fingerprint=new.fingerprint
    )
    assert shown.status == "completed"
