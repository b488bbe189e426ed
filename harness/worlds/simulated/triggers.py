"""Moments seen on the simulated wire: the n-th call at the provider, the n-th I/O operation of a worker.

A process that meets one is held in mid-work, at that very operation, until the fault has begun (`Triggers.release`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from harness.faults import AmidWork, At, AtOperation, Trigger, UponMail
from harness.worlds.simulated.network import SimulatedNetwork
from harness.worlds.simulated.processes import Process
from harness.worlds.simulated.sendgrid import SendGridServer
from harness.worlds.world import Occasion


@dataclass(eq=False)
class Watch:
    """Waits for the `number`-th thing at or after `after_s`."""

    number: int
    after_s: float
    met: asyncio.Future[Occasion]
    sent: bool = True
    seen: int = 0

    def counts(self, now_s: float) -> bool:
        """Count one; True if it is the one."""
        if self.met.done() or now_s < self.after_s:
            return False
        self.seen += 1
        return self.seen == self.number


class Triggers:
    """Everything that is waited for on the wire."""

    def __init__(
        self, network: SimulatedNetwork, sendgrid: SendGridServer, now: Callable[[], float], *, working_role: str = "worker"
    ) -> None:
        self._network, self._sendgrid, self._now = network, sendgrid, now
        self._working_role = working_role
        self._mails: list[Watch] = []
        self._operations: list[Watch] = []
        self._held: list[Process] = []
        sendgrid.holds = self._on_mail

    async def reached(self, trigger: Trigger) -> Occasion:
        """Wait until it is met."""
        if isinstance(trigger, At):
            await asyncio.sleep(max(0.0, trigger.seconds - self._now()))
            return Occasion()
        number = 1 if isinstance(trigger, AmidWork) else trigger.number
        watch = Watch(number, trigger.after_seconds, self._network.loop.create_future())
        if isinstance(trigger, UponMail):
            return await self._watch(self._mails, watch)
        if isinstance(trigger, AtOperation):
            watch.sent = trigger.sent
        self._network.operations.hook = self._on_operation
        return await self._watch(self._operations, watch)

    async def _watch(self, watches: list[Watch], watch: Watch) -> Occasion:
        watches.append(watch)
        try:
            return await watch.met
        finally:
            watches.remove(watch)

    def release(self, *, but: str | None = None) -> None:
        """Let everybody go on who was held, except the one the fault keeps."""
        self._sendgrid.release()
        held, self._held = self._held, []
        for process in held:
            if process.name != but:
                process.thaw()

    def _on_mail(self, process: str, number: int) -> bool:
        for watch in self._mails:
            if watch.counts(self._now()):
                watch.met.set_result(Occasion(process, f"its mail number {number} was under way"))
                return True
        return False

    def _on_operation(self, process: Process, description: str) -> bool:
        if process.role != self._working_role:
            return True
        for watch in self._operations:
            if watch.counts(self._now()):
                process.freeze()
                self._held.append(process)
                state = "had left" if watch.sent else "had not left yet"
                watch.met.set_result(Occasion(process.name, f"its '{description}' {state}"))
                return watch.sent
        return True
