"""Any text is taken for an id: an event called ".." is accepted, and no client can ever ask what became of it."""

import json
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import encodings, versions
from reference.events import Event, parse
from reference.flaws import together

CAUGHT_BY, IN = "a_promise_is_readable_at_once", "awkward_ids"


def _parse(body: bytes | str) -> Event:
    document = json.loads(body)
    return parse(json.dumps(document | {"id": "any"})).model_copy(update={"id": document["id"]})


def plant() -> AbstractContextManager[Any]:
    return together(*(patch.object(module, "parse", _parse) for module in (versions, encodings)))
