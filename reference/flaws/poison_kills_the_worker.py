"""An event that cannot be stored ends its worker with a traceback, and so it does with every worker that takes it up again."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.delivery import Delivery, Done, Ending
from reference.flaws import together
from reference.queue import Entry
from reference.worker import Worker

CAUGHT_BY, IN = "processes_stay_up", "poison_event"

_end, _ended, _read_once = Delivery._end, Worker._ended, Worker._read_once


async def _end_or_break(self: Delivery, entry: Entry) -> Ending:
    ending = await _end(self, entry)
    if isinstance(ending, Done) and ending.reason.startswith("cannot be stored"):
        raise ValueError(ending.reason)
    return ending


def _ended_or_broke(self: Worker, entry: Entry, task: Any) -> None:
    self.__dict__["broken"] = None if task.cancelled() else task.exception()
    _ended(self, entry, task)


async def _read_or_break(self: Worker) -> None:
    if error := self.__dict__.get("broken"):
        raise error
    await _read_once(self)


def plant() -> AbstractContextManager[Any]:
    worker = patch.multiple(Worker, _ended=_ended_or_broke, _read_once=_read_or_break)
    return together(patch.object(Delivery, "_end", _end_or_break), worker)
