"""After a 429 the next mail is sent at once, whatever reset the provider named."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.postman import Postman

CAUGHT_BY, IN = "rate_limit_is_respected", "sendgrid_rate_limit"


def plant() -> AbstractContextManager[Any]:
    return patch.object(Postman, "_pause", lambda self, seconds: None)
