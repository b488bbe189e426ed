"""The 202 says accepted and nothing else."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from fastapi.responses import JSONResponse

from reference import api

CAUGHT_BY, IN = "answers_follow_the_contract", "baseline"

_sound = api._acceptance_answer


def _bare(*arguments: Any) -> Any:
    answer = _sound(*arguments)
    return JSONResponse({"status": "accepted"}, 202) if answer.status_code == 202 else answer


def plant() -> AbstractContextManager[Any]:
    return patch.object(api, "_acceptance_answer", _bare)
