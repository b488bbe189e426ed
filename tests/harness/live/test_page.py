"""What Locust's page wrote: every test started there has a record of its own, read one after the other."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any, cast

import pytest

from harness.live.page import Page, Site, require_free
from harness.usage import StackBrokenError, UsageError
from harness.worlds.real.processes import Process


class Ended:
    """A process that may have ended."""

    exit_code: int | None = None

    def tail(self) -> str:
        return "Traceback: gone"


def write(path: Path, *kinds: str) -> None:
    with path.open("a") as file:
        file.writelines(json.dumps({"kind": kind}) + "\n" for kind in kinds)


def kinds(page: Page) -> list[Any]:
    return [line["kind"] for line in page.more()]


def test_one_record_follows_the_other(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    page = Page(cast(Process, Ended()), record)
    assert kinds(page) == []
    assert not page.is_loading
    write(record, "header", "post")
    assert kinds(page) == ["header", "post"]
    assert page.is_loading
    write(record, "post", "end")
    write(tmp_path / "record-2.jsonl", "header")
    assert kinds(page) == ["post", "end", "header"]
    assert page.is_loading
    write(tmp_path / "record-2.jsonl", "cut")
    write(tmp_path / "record-3.jsonl", "header", "end")
    assert kinds(page) == ["cut", "header", "end"]
    assert not page.is_loading


def test_a_record_that_has_not_ended_is_not_left(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    page = Page(cast(Process, Ended()), record)
    write(record, "header")
    write(tmp_path / "record-2.jsonl", "header")
    assert kinds(page) == ["header"]


def test_locust_that_ended_by_itself_breaks_the_session(tmp_path: Path) -> None:
    ended = Ended()
    page = Page(cast(Process, ended), tmp_path / "record.jsonl")
    page.require()
    ended.exit_code = 1
    with pytest.raises(StackBrokenError, match="exit code 1; its log ends with:\nTraceback: gone"):
        page.require()


def test_the_address_people_open() -> None:
    where = {"port": 8089, "control": "http://127.0.0.1:1", "token": "t"}
    assert Site(address="127.0.0.1", **cast(Any, where)).url == "http://127.0.0.1:8089/"
    assert Site(address="::1", **cast(Any, where)).url == "http://[::1]:8089/"


def test_a_port_in_use_is_wrong_usage() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(UsageError, match="it is in use; use other --bind or"):
        require_free("127.0.0.1", listener.getsockname()[1])


def test_an_address_that_is_not_ours_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match=r"cannot be served at 192\.0\.2\.1 port 8089"):
        require_free("192.0.2.1", 8089)
