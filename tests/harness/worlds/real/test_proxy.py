"""What each ailment of the wire does, seen from both ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from harness.worlds.real.ports import Ports
from harness.worlds.real.proxy import Ailment, Blackholes, Delays, DropsReplies, HalfOpens, Holds, Proxy, Resets
from tests.harness.worlds.real.waiting import until

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
SOON_S = 0.2


@dataclass
class Echo:
    """A server that says back what it hears, line by line."""

    heard: list[bytes] = field(default_factory=list)
    closed: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                self.heard.append(line)
                writer.write(line)
        except ConnectionError:
            pass
        self.closed += 1
        writer.close()


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def proxy(ports: Ports, echo: Echo) -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(echo.serve, "127.0.0.1", upstream := ports.draw())
    between = Proxy(port=ports.draw(), upstream=("127.0.0.1", upstream))
    await between.listen()
    yield between
    await between.close()
    server.close()


async def connected(proxy: Proxy) -> Connection:
    return await asyncio.open_connection("127.0.0.1", proxy.port)


async def ask(connection: Connection, line: bytes, *, within_s: float = 5.0) -> bytes:
    reader, writer = connection
    writer.write(line)
    async with asyncio.timeout(within_s):
        return await reader.readline()


async def is_silent(connection: Connection, line: bytes) -> bool:
    try:
        await ask(connection, line, within_s=SOON_S)
    except TimeoutError:
        return True
    return False


async def assert_reset(connection: Connection) -> None:
    with pytest.raises(ConnectionResetError):
        async with asyncio.timeout(5):
            await connection[0].read()


async def test_it_passes_everything_on(proxy: Proxy, echo: Echo) -> None:
    one, two = await connected(proxy), await connected(proxy)
    assert await ask(one, b"one\n") == b"one\n"
    assert await ask(two, b"x" * 50_000 + b"\n") == b"x" * 50_000 + b"\n"
    one[1].close()
    await until(lambda: echo.closed == 1)
    assert (proxy.counts.connections, proxy.counts.replies_lost, proxy.counts.resets) == (2, 0, 0)


async def test_delays(proxy: Proxy) -> None:
    connection = await connected(proxy)
    proxy.suffer(Delays(0.1))
    begin = asyncio.get_running_loop().time()
    assert await ask(connection, b"late\n") == b"late\n"
    assert asyncio.get_running_loop().time() - begin >= 0.2
    assert proxy.counts.delayed == 2


async def test_what_is_held_arrives_late(proxy: Proxy, echo: Echo) -> None:
    connection = await connected(proxy)
    proxy.suffer(Holds())
    assert await is_silent(connection, b"held\n")
    assert echo.heard == []
    proxy.heal()
    assert await ask(connection, b"next\n") == b"held\n"
    assert await connection[0].readline() == b"next\n"
    assert proxy.counts.held >= 1


async def test_a_black_hole_swallows_and_resets_on_heal(proxy: Proxy, echo: Echo) -> None:
    connection = await connected(proxy)
    proxy.suffer(Blackholes())
    assert await is_silent(connection, b"gone\n")
    proxy.heal()
    await assert_reset(connection)
    assert echo.heard == []
    assert proxy.counts.requests_lost == 1
    assert await ask(await connected(proxy), b"again\n") == b"again\n"


async def test_dropped_replies_were_executed(proxy: Proxy, echo: Echo) -> None:
    connection = await connected(proxy)
    proxy.suffer(DropsReplies())
    assert await is_silent(connection, b"done\n")
    assert echo.heard == [b"done\n"]
    proxy.heal()
    await assert_reset(connection)
    assert (proxy.counts.replies_lost, proxy.counts.resets) == (1, 1)


async def test_dropped_replies_can_break_the_connection_at_once(proxy: Proxy, echo: Echo) -> None:
    connection = await connected(proxy)
    proxy.suffer(DropsReplies(resets=True))
    connection[1].write(b"done\n")
    await assert_reset(connection)
    assert echo.heard == [b"done\n"]


async def test_a_share_of_the_replies(proxy: Proxy) -> None:
    proxy.suffer(DropsReplies(share=0.5))
    silent = [await is_silent(await connected(proxy), b"maybe\n") for _ in range(12)]
    assert 0 < sum(silent) < 12
    assert proxy.counts.replies_lost == sum(silent)


async def test_a_share_of_the_requests_breaks_its_connection(proxy: Proxy, echo: Echo) -> None:
    connection = await connected(proxy)
    proxy.suffer(Resets())
    connection[1].write(b"never\n")
    await assert_reset(connection)
    proxy.suffer(Resets(share=0.0))
    assert await ask(await connected(proxy), b"passes\n") == b"passes\n"
    assert echo.heard == [b"passes\n"]
    assert (proxy.counts.requests_lost, proxy.counts.resets) == (1, 1)


async def test_half_open_stays_silent_for_ever(proxy: Proxy, echo: Echo) -> None:
    connection = await connected(proxy)
    assert await ask(connection, b"before\n") == b"before\n"
    proxy.suffer(HalfOpens())
    await until(lambda: echo.closed == 1)
    assert await is_silent(connection, b"lost\n")
    proxy.heal()
    assert await is_silent(connection, b"lost too\n")
    assert echo.heard == [b"before\n"]
    assert await ask(await connected(proxy), b"fresh\n") == b"fresh\n"


async def test_refusal_leaves_open_connections_alone(proxy: Proxy) -> None:
    connection = await connected(proxy)
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        await connected(proxy)
    assert await ask(connection, b"still\n") == b"still\n"
    await proxy.listen()
    assert await ask(await connected(proxy), b"again\n") == b"again\n"


async def test_reset_breaks_what_is_open(proxy: Proxy) -> None:
    connection = await connected(proxy)
    await ask(connection, b"hello\n")
    proxy.reset()
    await assert_reset(connection)
    assert proxy.counts.resets == 1


@pytest.mark.parametrize("ailment", [None, Delays(0.01), DropsReplies()], ids=repr)
async def test_a_server_that_goes_is_seen(proxy: Proxy, ports: Ports, ailment: Ailment | None) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", upstream := ports.draw())
    other = Proxy(port=ports.draw(), upstream=("127.0.0.1", upstream))
    await other.listen()
    if ailment:
        other.suffer(ailment)
    assert await ask(await connected(other), b"bye\n") == b""
    await other.close()
    server.close()


async def test_nobody_behind_it_is_a_reset(ports: Ports) -> None:
    lonely = Proxy(port=ports.draw(), upstream=("127.0.0.1", ports.draw()))
    await lonely.listen()
    await assert_reset(await connected(lonely))
    await lonely.close()
