"""Ports for services: drawn below the range of outgoing connections and locked against other harnesses.

The lock is an abstract Unix socket per port: it needs no file, vanishes with its process and lives in the same network
namespace as the port itself. `stack.py` keeps one `Ports` for as long as its stack lives.
"""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress

LOWEST_PORT = 16000
BEYOND_HIGHEST_PORT = 32000  # Linux takes outgoing connections' ports from 32768 upwards


class NoPortFreeError(Exception):
    """Every port of the range is taken."""


class Ports:
    """The ports of one stack; `close` gives them back."""

    def __init__(self) -> None:
        self._locks: list[socket.socket] = []

    def draw(self) -> int:
        """A port that nobody listens on and no other harness has drawn. Raises NoPortFreeError."""
        size = BEYOND_HIGHEST_PORT - LOWEST_PORT
        start = int.from_bytes(os.urandom(4)) % size
        for step in range(size):
            port = LOWEST_PORT + (start + step) % size
            if self._take(port):
                return port
        raise NoPortFreeError(
            f"All ports from {LOWEST_PORT} to {BEYOND_HIGHEST_PORT - 1} are taken; stop what listens there and run again."
        )

    def close(self) -> None:
        """Give every port back."""
        while self._locks:
            self._locks.pop().close()

    def _take(self, port: int) -> bool:
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            lock.bind(f"\0ingestion-harness-port-{port}")
        except OSError:
            lock.close()
            return False
        if not is_free(port):
            lock.close()
            return False
        self._locks.append(lock)
        return True


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now, on any address."""
    return _binds(socket.AF_INET, "", port) and _binds(socket.AF_INET6, "::", port)


def _binds(family: socket.AddressFamily, host: str, port: int) -> bool:
    with suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is no obstacle
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True
