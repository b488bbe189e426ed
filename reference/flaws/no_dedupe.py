"""The accept script does not look whether it knows the pair: every copy is a new event."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import scripts

CAUGHT_BY, IN = "one_acceptance_per_pair", "duplicate_storm"

_sound = scripts.load


def _load(name: str) -> scripts.Script:
    return scripts.Script.of(_sound(name).text.replace("if known[1] then", "if false then"))


def plant() -> AbstractContextManager[Any]:
    return patch.object(scripts, "load", _load)
