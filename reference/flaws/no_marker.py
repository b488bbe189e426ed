"""Synchronous requests leave nothing in Redis: what they processed is accepted once more when the flag is turned back."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import scripts

CAUGHT_BY, IN = "one_acceptance_per_pair", "flag_flips"

_sound = scripts.load


def _load(name: str) -> scripts.Script:
    return scripts.Script.of(_sound(name).text.replace("leave(record, index, ARGV[at], ARGV[at + 2])", ""))


def plant() -> AbstractContextManager[Any]:
    return patch.object(scripts, "load", _load)
