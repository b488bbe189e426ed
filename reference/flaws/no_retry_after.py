"""Refusals for now do not say when to come back: clients come back at once, all of them."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import problems
from reference.problem import ProblemError

CAUGHT_BY, IN = "refusals_are_honest", "redis_restart"

_sound = problems.response


def _response(problem: ProblemError, request: Any) -> Any:
    problem.retry_after_seconds = None
    return _sound(problem, request)


def plant() -> AbstractContextManager[Any]:
    return patch.object(problems, "response", _response)
