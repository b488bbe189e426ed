"""Where spans go: a process that reads them and says yes."""

from __future__ import annotations

import asyncio
import socket
from functools import partial

from tests.reference.collector import take_exports


def collect(listener: socket.socket) -> None:
    """Answer every request on ``listener``, until this process is killed."""

    async def main() -> None:
        server = await asyncio.start_server(partial(take_exports, take=lambda body: None), sock=listener)
        await server.serve_forever()

    asyncio.run(main())
