"""The HTTP side of the stand-in: paths, kept connections, lost replies, held calls, and clients that break the rules."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from random import Random

import httpx
import pytest

from harness.worlds.behaviours import LosesReplies, Stalls
from harness.worlds.provider import MailRequest, Provider
from harness.worlds.real.ports import Ports
from harness.worlds.real.sendgrid import Seen, StandIn
from tests.harness.worlds.real.waiting import until

MAIL = {
    "personalizations": [{"to": [{"email": "reader@example.com"}]}],
    "from": {"email": "news@example.com"},
    "subject": "Ready",
    "content": [{"type": "text/plain", "value": "Your page is ready."}],
    "custom_args": {"source": "a5", "id": "evt_1"},
}
HEADERS = {"Authorization": "Bearer key"}


class Bench:
    """A stand-in whose calls can be held, and what it recorded."""

    def __init__(self, ports: Ports) -> None:
        self.provider = Provider(Random(1), mail_source="/custom_args/source", mail_id="/custom_args/id")
        self.seen: list[Seen] = []
        self.held: list[str] = []
        self.holds = False
        self.goes_on = asyncio.Event()
        self.standin = StandIn(self.provider, port=ports.draw(), hold=self.hold, record=self.seen.append)

    async def hold(self, request: MailRequest) -> bool:
        if self.holds:
            self.held.append(request.process)
            await self.goes_on.wait()
        return self.holds


@pytest.fixture
async def bench(ports: Ports) -> AsyncIterator[Bench]:
    built = Bench(ports)
    await built.standin.listen()
    yield built
    await built.standin.close()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(headers=HEADERS, timeout=5, trust_env=False) as opened:
        yield opened


async def test_each_process_has_a_url_of_its_own(bench: Bench, client: httpx.AsyncClient) -> None:
    for process in ("worker-0", "api-1"):
        answer = await client.post(bench.standin.url(process), json=MAIL)
        assert (answer.status_code, answer.content) == (202, b"")
    assert [seen.request.process for seen in bench.seen] == ["worker-0", "api-1"]
    assert all(seen.request.at_s < seen.end_s for seen in bench.seen)


async def test_another_path_or_method_is_told_so(bench: Bench, client: httpx.AsyncClient) -> None:
    assert (await client.post(f"http://127.0.0.1:{bench.standin.port}/v3/mail/send", json=MAIL)).status_code == 404
    assert (await client.get(bench.standin.url("worker-0"))).status_code == 405
    assert bench.seen == []


async def raw(bench: Bench, text: bytes) -> bytes:
    """What comes back for these bytes, until the stand-in closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.standin.port)
    writer.write(text)
    async with asyncio.timeout(5):
        return await reader.read()


def request(*, length: int, extra: str = "", body: bytes = b"") -> bytes:
    head = "POST /worker-0/v3/mail/send HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer key\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {length}\r\n{extra}\r\n".encode() + body


async def test_two_mails_on_one_connection(bench: Bench) -> None:
    body = json.dumps(MAIL).encode()
    first = request(length=len(body), body=body)
    second = request(length=len(body), extra="Connection: close\r\n", body=body)
    assert (await raw(bench, first + second)).count(b"HTTP/1.1 202") == 2
    assert len(bench.seen) == 2


async def test_a_client_that_waits_for_100_is_invited(bench: Bench) -> None:
    body = json.dumps(MAIL).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.standin.port)
    writer.write(request(length=len(body), extra="Expect: 100-continue\r\n"))
    async with asyncio.timeout(5):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        writer.write(body)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 202")
    writer.close()


async def test_what_is_no_http_is_400(bench: Bench) -> None:
    assert (await raw(bench, b"nonsense\r\n\r\n")).startswith(b"HTTP/1.1 400")


async def test_a_request_cut_off_in_the_middle_is_no_mail(bench: Bench) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.standin.port)
    writer.write(request(length=500, body=b"half"))
    writer.write_eof()
    async with asyncio.timeout(5):
        await reader.read()
    assert bench.seen == []


async def test_a_lost_reply_is_a_reset_and_a_taken_mail(bench: Bench, client: httpx.AsyncClient) -> None:
    bench.provider.behaviours.append(LosesReplies())
    with pytest.raises(httpx.ReadError):
        await client.post(bench.standin.url("worker-0"), json=MAIL)
    assert [(seen.reply.taken, seen.reply.lost) for seen in bench.seen] == [(True, True)]


async def test_a_call_under_way_at_the_end_is_recorded(bench: Bench, client: httpx.AsyncClient) -> None:
    bench.provider.behaviours.append(Stalls(60, takes=True))
    with pytest.raises(httpx.ReadTimeout):
        await client.post(bench.standin.url("worker-0"), json=MAIL, timeout=0.2)
    await bench.standin.close()
    assert [seen.reply.taken for seen in bench.seen] == [True]


async def test_a_held_call_goes_on(bench: Bench, client: httpx.AsyncClient) -> None:
    bench.holds = True
    call = asyncio.create_task(client.post(bench.standin.url("worker-0"), json=MAIL))
    await until(lambda: bench.held == ["worker-0"])
    assert bench.seen == [], "nothing is decided yet"
    bench.goes_on.set()
    assert (await call).status_code == 202


async def test_a_held_call_whose_caller_is_gone_was_never_complete(bench: Bench, client: httpx.AsyncClient) -> None:
    bench.holds = True
    call = asyncio.create_task(client.post(bench.standin.url("worker-0"), json=MAIL))
    await until(lambda: bench.held)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    bench.goes_on.set()
    await until(lambda: not bench.standin._connections)
    assert bench.seen == []
