"""What Locust's record says of each request, as entries of a history. The record's format is told in `loadtests/record.py`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from harness.history import Pair, Post, Read
from harness.traffic import Email, Event
from harness.worlds.answers import Exchange, post_of, read_of
from harness.worlds.real.journal import WallClock


def entry_of(line: Mapping[str, Any], *, clock: WallClock, process_of: Mapping[str, str]) -> Post | Read | None:
    """The entry of one line; None if the line is no request. `process_of` names the API process behind each address.

    Latency counts from the intended start: that is `begin_s`, and `late_s` is how much later the request was really sent.
    """
    if line["kind"] not in ("post", "read"):
        return None
    exchange = Exchange(
        process=process_of.get(line["target"], ""),
        begin_s=clock.at_unix(line["due"]),
        end_s=clock.at_unix(line["end"]),
        http_status=line["http_status"],
        headers=line["headers"],
        body=line["body"].encode(),
        error=line["error"],
        refused=line["refused"],
    )
    late_s = max(0.0, line["sent"] - line["due"])
    if line["kind"] == "post":
        return dataclasses.replace(post_of(_event(line["event"]), exchange, attempt=0), late_s=late_s)
    return dataclasses.replace(read_of(Pair(line["source"], line["id"]), exchange, final=False), late_s=late_s)


def _event(body: Mapping[str, Any]) -> Event:
    """The event of a POST's body."""
    email = body.get("email")
    return Event(
        id=body["id"],
        source=body["source"],
        type=body.get("type", ""),
        data=body.get("data", {}),
        email=Email(**email) if email else None,
    )
