"""Errors are plain JSON instead of problem documents: clients that go by the type do not understand them."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from fastapi.responses import JSONResponse
from starlette.requests import Request

from reference import problems
from reference.problem import ProblemError

CAUGHT_BY, IN = "errors_are_problems", "duplicate_storm"


def _response(problem: ProblemError, request: Request) -> JSONResponse:
    return JSONResponse({"error": problem.detail}, problem.status)


def plant() -> AbstractContextManager[Any]:
    return patch.object(problems, "response", _response)
