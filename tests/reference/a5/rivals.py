"""The A5 client and the draft's, delivering events of their own at the same moment to the same processes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from tests.reference.a5.deliveries import Delivery, charges, truth
from tests.reference.servers import Postgres, SendGrid, Service, eventually


@dataclass
class Rivals:
    """Both clients, and the service that is asked; `a5` is the client in reference/a5/."""

    service: Service
    postgres: Postgres
    sendgrid: SendGrid
    a5: Delivery = field(default_factory=lambda: Delivery("a5"))
    draft: Delivery = field(default_factory=lambda: Delivery("draft"))

    def start(self) -> str:
        """Start an API and a worker; the API's URL."""
        url = self.service.api()
        self.service.worker()
        return url

    def begin(self, url: str, *, count: int = 5) -> list[asyncio.Task[None]]:
        """Both begin to deliver, at the same moment."""
        together = asyncio.Barrier(2)
        return [asyncio.create_task(one.run(url, ids(one, count), together=together)) for one in (self.a5, self.draft)]

    async def deliver(self, url: str) -> None:
        """Both deliver, to the end."""
        await asyncio.gather(*self.begin(url))

    async def heard(self, status: int | None, running: list[asyncio.Task[None]]) -> None:
        """Wait until both got such an answer (None: no answer); a client that ended without is a failure."""
        await eventually(lambda: self._heard(status) or all(task.done() for task in running))
        assert self._heard(status), f"the fault did not bite: nobody heard {status}"

    async def charged(self) -> tuple[set[str], set[str]]:
        """What each is charged with, the A5 client first."""
        seen = await truth(self.postgres, self.sendgrid)
        return charges(self.a5, seen), charges(self.draft, seen)

    def _heard(self, status: int | None) -> bool:
        return bool(self.a5.wire(status) and self.draft.wire(status))


def ids(delivery: Delivery, count: int = 5) -> list[str]:
    """The ids of a client's events."""
    return [f"{delivery.client}-{number:02}" for number in range(count)]


def said(delivery: Delivery) -> set[tuple[str, str | None]]:
    """What a client said of its events: at once, and in the end."""
    return {(line["said"], line["ended"]) for line in delivery.told}
