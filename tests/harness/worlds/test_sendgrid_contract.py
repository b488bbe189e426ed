"""One suite, two arms: the SendGrid of the simulation and the real HTTP stand-in answer alike.

Both stand on the same provider (`harness/worlds/provider.py`), so what is compared is what their servers make of it: statuses,
headers, bodies, lost replies, time-outs, and what the provider was seen to take.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx
import pytest

from harness.worlds.behaviours import Answers, Babbles, LosesReplies, RateLimits, Stalls, Trickles
from harness.worlds.provider import MailRequest, Provider, Reply
from harness.worlds.real.ports import Ports
from harness.worlds.real.sendgrid import StandIn
from harness.worlds.simulated.network import SimulatedNetwork
from harness.worlds.simulated.sendgrid import SendGridServer
from harness.worlds.simulated.time import running_loop, simulate

GIVE_UP_S = 2.0
MAIL = {
    "personalizations": [{"to": [{"email": "reader@example.com"}]}],
    "from": {"email": "news@example.com"},
    "subject": "Ready",
    "content": [{"type": "text/plain", "value": "Your page is ready."}],
    "custom_args": {"source": "a5", "id": "evt_1"},
}


@dataclass
class Arm:
    """A provider behind either server, and a client that reaches it as the process worker-0."""

    provider: Provider
    client: httpx.AsyncClient
    url: str
    seen: list[tuple[int, bool, bool, str | None]] = field(default_factory=list)

    async def post(self, body: Any = MAIL, **headers: str) -> Any:
        """The answer in comparable form; a transport's error is an answer too."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"authorization": "Bearer key", "content-type": "application/json", **headers}
        try:
            answer = await self.client.post(self.url, content=content, headers=sent)
        except httpx.HTTPError as error:
            return type(error).__name__
        shown = {name: value for name, value in answer.headers.items() if name.startswith("x-ratelimit")}
        shown.pop("x-ratelimit-reset", None)
        return answer.status_code, "x-message-id" in answer.headers, shown, answer.content

    def note(self, reply: Reply) -> None:
        self.seen.append((reply.status, reply.taken, reply.lost, reply.id))


Story = Callable[[Arm], Awaitable[list[Any]]]


async def sound_and_broken_mails(arm: Arm) -> list[Any]:
    """202, 401, 400, 415."""
    refused = {**MAIL, "personalizations": [{"to": [{"email": "reader@refused.example"}]}]}
    return [
        await arm.post(),
        await arm.post(authorization=""),
        await arm.post(authorization="Basic key"),
        await arm.post(refused),
        await arm.post({**MAIL, "content": []}),
        await arm.post(b"not json"),
        await arm.post(**{"content-type": "text/plain"}),
    ]


async def an_outage(arm: Arm) -> list[Any]:
    """503 while it lasts, 202 after."""
    outage = Answers(503)
    arm.provider.behaviours.append(outage)
    during = await arm.post()
    arm.provider.behaviours.remove(outage)
    return [during, await arm.post(), arm.provider.touched(outage)]


async def a_rate_limit(arm: Arm) -> list[Any]:
    """429 beyond the quota, with what is left in the headers."""
    arm.provider.behaviours.append(RateLimits(2, 60))
    return [await arm.post() for _ in range(4)]


async def a_lost_reply(arm: Arm) -> list[Any]:
    """The mail is taken, the connection reset."""
    loss = LosesReplies(first=1)
    arm.provider.behaviours.append(loss)
    return [await arm.post(), await arm.post(), arm.provider.touched(loss)]


async def a_stall(arm: Arm) -> list[Any]:
    """The client's read time-out is what ends it."""
    stall = Stalls(seconds=30, takes=True)
    arm.provider.behaviours.append(stall)
    first = await arm.post()
    arm.provider.behaviours.remove(stall)
    return [first, await arm.post()]


async def a_trickle(arm: Arm) -> list[Any]:
    """Slow, but every byte is in time."""
    arm.provider.behaviours.append(Trickles())
    return [await arm.post(b"not json")]


async def somebody_else(arm: Arm) -> list[Any]:
    """A page with status 200, and then no HTTP at all."""
    told = []
    for what in ("page", "noise"):
        arm.provider.behaviours[:] = [Babbles(what)]
        told.append(await arm.post())
    return told


STORIES: list[Story] = [sound_and_broken_mails, an_outage, a_rate_limit, a_lost_reply, a_stall, a_trickle, somebody_else]


def provider() -> Provider:
    return Provider(Random("contract"), mail_source="/custom_args/source", mail_id="/custom_args/id")


def on_simulated(story: Story) -> tuple[list[Any], list[Any]]:
    async def main() -> tuple[list[Any], list[Any]]:
        network = SimulatedNetwork(running_loop(), Random("contract"))
        server = SendGridServer(network, provider(), on_call=lambda call: arm.note(call.reply))
        async with httpx.AsyncClient(transport=server.transport(network.outsider), timeout=GIVE_UP_S) as client:
            arm = Arm(server.provider, client, server.url("worker-0"))
            return await story(arm), arm.seen

    return simulate(main, seed=0)


def on_real(story: Story) -> tuple[list[Any], list[Any]]:
    async def hold(request: MailRequest) -> bool:
        return False

    async def main() -> tuple[list[Any], list[Any]]:
        ports, own = Ports(), provider()
        server = StandIn(own, port=ports.draw(), hold=hold, record=lambda seen: arm.note(seen.reply))
        await server.listen()
        try:
            async with httpx.AsyncClient(timeout=GIVE_UP_S, trust_env=False) as client:
                arm = Arm(own, client, server.url("worker-0"))
                return await story(arm), arm.seen
        finally:
            await server.close()
            ports.close()

    return asyncio.run(main())


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_both_stand_ins_tell_the_same_story(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.worlds.real.sendgrid.BETWEEN_TRICKLED_BYTES_S", 0.02)
    (said, seen), (really_said, really_seen) = on_simulated(story), on_real(story)
    assert said == really_said
    assert [call for call in seen if not call[2]] == [call for call in really_seen if not call[2]]
