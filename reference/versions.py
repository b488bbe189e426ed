"""How an event stands in its record, by version. Version 1 is its JSON; version 2 is ``2:`` and its JSON, deflated, in base64.

Two releases share one queue while they take turns. ``ENTRY_VERSION`` is what a process writes and the newest it reads: at 1 it
is the release that knew nothing of 2. What is newer was promised all the same, so it waits for a worker that can read it.
Where to go next: ``intake`` (writes) and ``delivery`` (reads).
"""

from __future__ import annotations

import base64
import re
import zlib

from reference.events import Event, InvalidEventError, parse

NEWEST = 2
_NUMBERED = re.compile(r"(\d{1,9}):")


class NewerVersionError(Exception):
    """A later release wrote this; ``str()`` says which version it is."""


def write(event: Event, *, version: int) -> str:
    """``event`` as it stands in its record."""
    text = event.model_dump_json()
    if version == 1:
        return text
    return f"{version}:{base64.b64encode(zlib.compress(text.encode())).decode()}"


def read(text: str, *, newest: int = NEWEST) -> Event:
    """The event in a record. Raises NewerVersionError, and InvalidEventError where no release can have written it."""
    return parse(as_json(text, newest=newest))


def as_json(text: str, *, newest: int = NEWEST) -> str:
    """The JSON of the event in a record. Raises as ``read`` does, but for what is wrong in the JSON itself."""
    numbered = _NUMBERED.match(text)
    if numbered is None:
        return text
    if int(numbered[1]) > newest:
        raise NewerVersionError(f"version {numbered[1]}, newer than {newest}")
    try:
        return zlib.decompress(base64.b64decode(text[numbered.end() :], validate=True)).decode()
    except (ValueError, zlib.error):  # wrong base64, or wrong UTF-8
        raise InvalidEventError("the record does not hold what its version says") from None
