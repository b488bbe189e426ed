"""The harness' own small HTTP client: what it makes of answers, and of the lack of one."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from harness.worlds.real import http
from harness.worlds.real.http import Answer, NoAnswerError


@asynccontextmanager
async def answering(answer: Callable[[bytes], bytes], *, parts: int = 1) -> AsyncIterator[int]:
    """A server that answers each connection with raw bytes, in so many pieces; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received = await reader.readuntil(b"\r\n\r\n")
        raw = answer(received)
        size = max(1, len(raw) // parts)
        for start in range(0, len(raw), size):
            writer.write(raw[start : start + size])
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def post(port: int, body: bytes = b"{}", *, within_s: float = 5.0) -> Answer:
    return await http.ask(port, http.request("POST", "/ingest?a=b", headers={"X-Key": "k"}, body=body), body, within_s=within_s)


@pytest.mark.parametrize("parts", [1, 7, 1000])
@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\nLocation: /x\r\n\r\nhello",
        b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\nLocation: /x\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nLocation: /x\r\n\r\nhello",
    ],
)
async def test_an_answer_is_read_whole(raw: bytes, parts: int) -> None:
    async with answering(lambda _: raw, parts=parts) as port:
        answer = await post(port)
    assert (answer.status, answer.headers["location"], answer.body) == (202, "/x", b"hello")


async def test_what_is_sent_is_http() -> None:
    seen: list[bytes] = []
    async with answering(lambda received: seen.append(received) or b"HTTP/1.1 204 No Content\r\n\r\n") as port:  # type: ignore[func-returns-value]
        assert (await post(port)).status == 204
    assert seen[0].startswith(b"POST /ingest?a=b HTTP/1.1\r\n")
    assert b"\r\nX-Key: k\r\n" in seen[0]
    assert b"\r\nConnection: close\r\n" in seen[0]


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "^the connection was closed without an answer$"),
        (b"HTTP/1.1 202 Acc", "^the connection was closed without an answer$"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "^the connection was closed without an answer$"),
        (b"no http at all\r\n\r\n", "illegal status line"),
        (b"HTTP/1.1 202 OK\r\nContent-Length: 9\r\n\r\nhel", "without sending complete message body"),
    ],
)
async def test_half_an_answer_is_none_and_says_so_in_words(raw: bytes, told: str) -> None:
    async with answering(lambda _: raw) as port:
        with pytest.raises(NoAnswerError, match=told):
            await post(port)


async def test_a_connection_that_is_cut_gave_no_answer() -> None:
    def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with await asyncio.start_server(cut, "127.0.0.1", 0) as server:
        with pytest.raises(NoAnswerError, match=r"^the connection was cut without an answer"):
            await post(server.sockets[0].getsockname()[1])


async def test_a_server_that_says_nothing_in_time_gave_no_answer() -> None:
    server = await asyncio.start_server(lambda reader, writer: asyncio.sleep(60), "127.0.0.1", 0)
    with pytest.raises(NoAnswerError, match=r"^no answer within 0\.05 s$"):
        await post(server.sockets[0].getsockname()[1], within_s=0.05)
    server.close()


async def test_a_refused_connection_is_told_apart() -> None:
    async with answering(lambda _: b"") as port:
        pass
    with pytest.raises(ConnectionRefusedError):
        await post(port)


async def test_a_connection_that_is_reset_before_it_is_one_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    async def reset(host: str, port: int) -> None:
        raise ConnectionResetError(errno.ECONNRESET, f"Connect call failed ('{host}', {port})")

    monkeypatch.setattr(asyncio, "open_connection", reset)
    with pytest.raises(ConnectionRefusedError, match="Connect call failed"):
        await post(1)
