"""Source and id are joined with a colon: ("a:b", "c") and ("a", "b:c") look alike, and one of them is turned away."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.events import Pair

CAUGHT_BY, IN = "refusals_are_honest", "duplicate_storm"


def _of_key(key: str) -> Pair:
    source, _, event_id = key.rpartition(":")
    return Pair(source=source, id=event_id)


def plant() -> AbstractContextManager[Any]:
    return patch.multiple(Pair, key=property(lambda self: f"{self.source}:{self.id}"), of_key=staticmethod(_of_key))
