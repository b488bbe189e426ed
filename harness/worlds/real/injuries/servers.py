"""A server as a process: killed and started again, or stopped. Both go through the stack, which knows whose it is."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harness import faults
from harness.worlds.real.injuries.processes import is_stopped
from harness.worlds.real.injuries.ward import Injury, Ward


@asynccontextmanager
async def server_crashes(ward: Ward, fault: faults.RedisCrashes | faults.PostgresCrashes) -> AsyncIterator[Injury]:
    """RedisCrashes, PostgresCrashes."""
    server = fault.needs
    loss: faults.Loss = fault.loss if isinstance(fault, faults.RedisCrashes) else "process-crash"
    injury = Injury((server,))
    journal = ward.stack.fleet.journal
    began = time.monotonic()
    killed = await ward.stack.crash(server, loss)
    if killed:
        journal.note(server, "killed", detail=f"pid {killed.pid}, {loss}")
    try:
        yield injury
    finally:
        if killed:  # else it was down already, and whoever did that starts it again
            started = await ward.stack.restart(server)
            journal.note(server, "started", detail=f"pid {started.pid}")
            forgotten = ward.stack.servers.forgotten_bytes(server)
            injury.evidence = (
                f"{server} was killed as pid {killed.pid} and answered again as pid {started.pid} "
                f"{time.monotonic() - began:.1f} s later, {forgotten} bytes forgotten"
            )


@asynccontextmanager
async def server_freezes(ward: Ward, fault: faults.RedisFreezes | faults.PostgresFreezes) -> AsyncIterator[Injury]:
    """RedisFreezes, PostgresFreezes: the server with all its children."""
    server, journal = fault.needs, ward.stack.fleet.journal
    injury = Injury((server,))
    frozen = await ward.stack.servers.freeze(server)
    if frozen:
        journal.note(server, "frozen", detail=f"pid {frozen.pid}")
    began = time.monotonic()
    try:
        yield injury
    finally:
        stood = frozen is not None and is_stopped(frozen.pid)
        if frozen and await frozen.resume():
            journal.note(server, "resumed", detail=f"pid {frozen.pid}")
            if stood:
                injury.evidence = f"{server} (pid {frozen.pid}) stood still for {time.monotonic() - began:.1f} s"
