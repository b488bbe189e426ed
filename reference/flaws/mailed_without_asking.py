"""Events that ask for no mail are mailed as well: readers get mail that nobody wanted them to have."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import versions
from reference.batch import Batches
from reference.events import Email, Event, parse
from reference.flaws import together

CAUGHT_BY, IN = "nothing_is_invented", "backlog"


def _parse(body: bytes | str) -> Event:
    event = parse(body)
    return event if event.email else event.model_copy(update={"email": Email(to="all@example.com", subject="News", text="News")})


def plant() -> AbstractContextManager[Any]:
    return together(patch.object(versions, "parse", _parse), patch.object(Batches, "fitting", lambda self, entries: []))
