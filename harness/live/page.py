"""Locust with its own page, as a process: what it sends at whoever started a test there, and every request it wrote down."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.load.generator import Plan, Target, end_locust, locust_words, require_locustfile
from harness.systems import Load
from harness.usage import StackBrokenError, UsageError
from harness.worlds.real.fleet import missing_listener
from harness.worlds.real.processes import Command, Guard, Process, await_ready, with_log
from harness.worlds.real.tail import Tail

READY_WITHIN_S = 30.0
# What loadtests/tabs reads: where to ask, and the token that whoever injects a fault has to know.
CONTROL, TOKEN = "HARNESS_CONTROL", "HARNESS_TOKEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where the page is served, and where it finds us."""

    address: str
    port: int
    control: str
    token: str

    @property
    def url(self) -> str:
        """What a person opens."""
        return f"http://{f'[{self.address}]' if ':' in self.address else self.address}:{self.port}/"


def require_free(address: str, port: int) -> None:
    """Raises UsageError if the page could not be served there."""
    require_locustfile()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        socket.create_server((address, port), family=family).close()
    except OSError as error:
        why = "it is in use" if error.errno == errno.EADDRINUSE else error.strerror or str(error)
        raise UsageError(f"Locust's page cannot be served at {address} port {port}: {why}; use other --bind or --port.") from None


class Page:
    """Locust at work. A test that was started on the page writes a record of its own; `more` reads one after the other."""

    def __init__(self, process: Process, record: Path) -> None:
        self._process = process
        self._record = record
        self._number = 1
        self._tail = Tail(record)
        self.is_loading = False  # a test was started and has not ended

    @classmethod
    async def open(cls, guard: Guard, target: Target, load: Load, *, site: Site, plan: Plan) -> Page:
        """Start Locust and wait until its page is there. Raises UsageError with its log if it does not get there."""
        record = plan.folder / "record.jsonl"
        options = {"--record": record, "--seed": plan.seed, "--web-host": site.address, "--web-port": site.port}
        command = Command(
            name="locust",
            argv=locust_words(target, load, processes=1, options=options),
            env=os.environ | {CONTROL: site.control, TOKEN: site.token},
            cwd=plan.folder,
            log=plan.folder / "locust.log",
        )
        process = await guard.spawn(command)
        await await_ready(process, lambda: missing_listener(site.port, site.address), within_s=READY_WITHIN_S)
        page = cls(process, record)
        page.require()  # somebody else may listen there
        return page

    def more(self) -> Iterator[dict[str, Any]]:
        """Every line that was written since the last call."""
        for line in self._tail.more():
            self.is_loading = line["kind"] not in ("end", "cut")
            yield line
        following = self._record.with_stem(f"{self._record.stem}-{self._number + 1}")
        if not self.is_loading and following.exists():
            self._number, self._tail = self._number + 1, Tail(following)
            yield from self.more()

    def require(self) -> None:
        """Raises StackBrokenError if Locust has ended by itself."""
        if self._process.exit_code is not None:
            raise StackBrokenError(with_log(self._process, f"Locust ended with exit code {self._process.exit_code}"))

    async def close(self) -> Iterator[dict[str, Any]]:
        """End Locust; the rest of what it wrote."""
        await end_locust(self._process)
        return iter(list(self.more()))
