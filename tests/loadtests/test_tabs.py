"""The tabs' questions go to the harness on this machine, whatever the environment says of proxies."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from harness.worlds.real.ports import Ports
from tests.loadtests.generator import start_locust_with_page
from tests.waiting import until


class Answering(BaseHTTPRequestHandler):
    """A harness that says which token it was shown."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{self.path} {self.headers['X-Harness-Token']}".encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def control() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_proxy_of_the_environment_is_not_asked(control: str) -> None:
    ports = Ports()
    page, dead = ports.draw(), f"http://127.0.0.1:{ports.draw()}"
    environment = {"HARNESS_CONTROL": control, "HARNESS_TOKEN": "t", "http_proxy": dead, "no_proxy": ""}
    locust = start_locust_with_page("--host", control, "--web-host", "127.0.0.1", "--web-port", page, environment=environment)
    try:
        until(lambda: answer(page) != "", seconds=60)
        assert answer(page) == "/state mine"
    finally:
        locust.kill()
        locust.communicate()
        ports.close()


def answer(page: int) -> str:
    """What the tabs are told; empty while there is no page yet."""
    question = urllib.request.Request(f"http://127.0.0.1:{page}/harness/state", headers={"X-Harness-Token": "mine"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(question, timeout=20) as answered:
            return str(answered.read().decode())
    except urllib.error.HTTPError as error:
        return str(error.read().decode())
    except OSError:
        return ""
