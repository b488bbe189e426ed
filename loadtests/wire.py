"""One request on one connection of its own, and never a second time.

Why not FastHttpUser's own session: it repeats a GET whose connection broke, follows a redirected POST as a GET, loses answers
whose text it cannot decode, and cannot always tell a connection that was never made (certainly nothing was taken) from one that
was cut. The parser below it, geventhttpclient, does none of that, and costs half as much.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import gevent.socket
from geventhttpclient.response import HTTPParseError, HTTPSocketResponse

KEPT_HEADERS = ("location", "retry-after", "content-type")
PORTS = {"http": 80, "https": 443}


class NotSentError(Exception):
    """No connection could be made: certainly nothing was taken."""


class CutError(Exception):
    """The connection ended, or made no sense, before the answer was complete: it may or may not have been taken."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are lower case, and only those that matter are kept."""

    http_status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """The connections to one target, as many as there are requests in flight; idle ones are used again."""

    def __init__(self, url: str, headers: Iterable[tuple[str, str]]) -> None:
        """`url` is http(s)://host[:port][/path]. Raises ValueError if it is something else."""
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError(f"'{url}' is no target: write http://HOST:PORT")
        self.url = url
        self._path = parts.path.rstrip("/")
        self._host = parts.hostname
        self._port = parts.port or PORTS[parts.scheme]
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._fields = _fields(parts.netloc.rpartition("@")[2], headers)
        self._idle: list[gevent.socket.socket] = []
        self._addresses: list[Any] = []  # asked for once: gevent resolves names in a thread, which costs more than connecting

    def post(self, path: str, body: bytes) -> Answer:
        """POST a JSON document. Raises NotSentError, CutError."""
        head = f"POST {self._path}{path} HTTP/1.1\r\n{self._fields}Content-Length: {len(body)}\r\n\r\n"
        return self._exchange("POST", head.encode("latin-1") + body)

    def get(self, path: str) -> Answer:
        """GET. Raises NotSentError, CutError."""
        return self._exchange("GET", f"GET {self._path}{path} HTTP/1.1\r\n{self._fields}\r\n".encode("latin-1"))

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()

    def _exchange(self, method: str, request: bytes) -> Answer:
        connection = self._take_idle() or self._connect()
        try:
            connection.sendall(request)
            response = HTTPSocketResponse(connection, method=method)
            body = response.read()
        except (OSError, HTTPParseError) as error:
            connection.close()
            raise CutError(str(error)) from error
        except BaseException:  # a time-out, or the end of the run: the answer may still come, and must not meet another request
            connection.close()
            raise
        if response.should_close():
            connection.close()
        else:
            self._idle.append(connection)
        if not response.message_complete:
            raise CutError("the answer is incomplete")
        found = ((name, response.get(name)) for name in KEPT_HEADERS)
        return Answer(response.get_code(), {name: str(value) for name, value in found if value is not None}, body)

    def _take_idle(self) -> gevent.socket.socket | None:
        """The connection used last that is still open. A server may have closed it meanwhile."""
        while self._idle:
            connection = self._idle.pop()
            connection.settimeout(0.0)
            try:
                connection.recv(1, gevent.socket.MSG_PEEK)
            except BlockingIOError:  # open, and nothing to read: as it should be
                connection.settimeout(None)
                return connection
            except OSError:
                pass
            connection.close()
        return None

    def _connect(self) -> gevent.socket.socket:
        failure: OSError = OSError("the name has no address")
        try:
            self._addresses = self._addresses or gevent.socket.getaddrinfo(self._host, self._port, 0, gevent.socket.SOCK_STREAM)
        except OSError as error:
            failure = error
        for family, kind, protocol, _, address in self._addresses:
            connection = gevent.socket.socket(family, kind, protocol)
            try:
                return self._prepare(connection, address)
            except OSError as error:
                connection.close()
                failure = error
            except BaseException:
                connection.close()
                raise
        raise NotSentError(failure.strerror or str(failure)) from failure

    def _prepare(self, connection: gevent.socket.socket, address: Any) -> gevent.socket.socket:
        connection.connect(address)
        connection.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
        return self._tls.wrap_socket(connection, server_hostname=self._host) if self._tls else connection


def _fields(host: str, headers: Iterable[tuple[str, str]]) -> str:
    """The header lines of every request; `headers` win over our own."""
    fields = {"host": ("Host", host), "content-type": ("Content-Type", "application/json")}
    fields |= {name.lower(): (name, value) for name, value in headers}
    return "".join(f"{name}: {value}\r\n" for name, value in fields.values())
