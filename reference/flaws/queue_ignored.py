"""A synchronous request does not look whether the queue has its event already: both accept it."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.markers import Standing

CAUGHT_BY, IN = "one_acceptance_per_pair", "flag_flips"


def plant() -> AbstractContextManager[Any]:
    return patch.object(Standing, "is_queued", False)
