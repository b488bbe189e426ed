"""A 503 is an answer and no exception, so the breaker counts it as a success: it never opens in the outage it is there for."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import postman
from reference.breaker import Report

CAUGHT_BY, IN = "provider_is_spared", "sendgrid_outage"


def plant() -> AbstractContextManager[Any]:
    return patch.object(postman, "_judge", lambda answer: Report.SUCCESS)
