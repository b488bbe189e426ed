"""The tabs Faults and Promises in Locust's own page, there when `harness ui` opened it.

    page.js, page.css   what is added to the page: it asks /harness/... once a second and draws what it gets
    this file           Flask routes that hand on those questions to the harness, over loopback HTTP

The harness names its address and a token in the environment. The token stands in the page, and every request to /harness/
carries it. Locust lets any site read its pages (CORS), so a request that another site sends is refused here, whatever it asks.
"""

from __future__ import annotations

import os
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from flask import Flask, Response, request, send_from_directory

CONTROL, TOKEN = "HARNESS_CONTROL", "HARNESS_TOKEN"  # environment variables, set by the harness (harness/live/page.py)
TOKEN_HEADER = "X-Harness-Token"
TABS = ({"title": "Faults", "key": "faults"}, {"title": "Promises", "key": "promises"})
FOLDER = Path(__file__).resolve().parent
ANSWERS_WITHIN_S = 10.0
LARGEST_BODY_BYTES = 10_000
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy of the environment leads to the loopback


@dataclass(frozen=True, slots=True)
class Harness:
    """Where the harness listens, and the page's token."""

    url: str
    token: str

    def ask(self, method: str, path: str, *, token: str, body: bytes) -> Response:
        """Hand on one question and its answer."""
        headers = {TOKEN_HEADER: token, "Content-Type": "application/json"}
        question = urllib.request.Request(f"{self.url}/{quote(path)}", body or None, headers, method=method)
        try:
            with OPENER.open(question, timeout=ANSWERS_WITHIN_S) as answer:
                return _answer(answer.status, answer.headers.get("Content-Type"), answer.read())
        except urllib.error.HTTPError as error:
            return _answer(error.code, error.headers.get("Content-Type"), error.read())
        except OSError as error:
            return _answer(503, "text/plain", f"The harness does not answer: {error}".encode())


def add_tabs(environment: Any) -> None:
    """Add the tabs, if there is a page and the harness opened it."""
    if environment.web_ui is None or not {CONTROL, TOKEN} <= os.environ.keys():
        return
    web_ui, harness = environment.web_ui, Harness(os.environ[CONTROL], os.environ[TOKEN])
    web_ui.template_args["extended_tabs"] = list(TABS)
    app: Flask = web_ui.app

    @app.before_request
    def refuse_strangers() -> Response | None:
        return None if _is_ours(request.headers, bound_to=web_ui.host) else _answer(403, "text/plain", b"Not from this page.")

    @app.after_request
    def extend(response: Response) -> Response:
        response.headers["X-Frame-Options"] = "DENY"  # nobody else may show our buttons
        response.headers["Content-Security-Policy"] = "frame-ancestors 'none'"
        if request.path == "/" and response.status_code == 200:
            response.set_data(response.get_data(as_text=True).replace("</body>", f"{_additions(harness.token)}</body>"))
        return response

    @app.get("/harness/<any('page.js', 'page.css'):name>")
    def part(name: str) -> Response:
        return send_from_directory(FOLDER, name)

    @app.route("/harness/<path:path>", methods=["GET", "POST", "DELETE"])
    def hand_on(path: str) -> Response:
        body = request.stream.read(LARGEST_BODY_BYTES)
        return harness.ask(request.method, path, token=request.headers.get(TOKEN_HEADER, ""), body=body)


def _is_ours(headers: Any, *, bound_to: str) -> bool:
    """Whether a request comes from our own page or from no page at all.

    A browser names the site that sends a request (Origin). And the page is asked for by an address or a name of this machine
    only: another name was made to point here, so that its site passes for ours.
    """
    host, origin = headers.get("Host", ""), headers.get("Origin")
    try:
        named = urlsplit(f"//{host}").hostname or ""
        comes_from = host if origin is None else urlsplit(origin).netloc
    except ValueError:
        return False
    known = _is_loopback(named) if _is_loopback(bound_to) else _is_address(named) or named in (bound_to, socket.gethostname())
    return known and comes_from == host


def _is_address(name: str) -> bool:
    try:
        return name == "localhost" or ip_address(name) is not None
    except ValueError:
        return False


def _is_loopback(name: str) -> bool:
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _additions(token: str) -> str:
    """What the page gets besides its own: our style, our script, and the token."""
    style = '<link rel="stylesheet" href="./harness/page.css">'
    return f'{style}<script type="module" src="./harness/page.js" data-token="{token}" id="harness-script"></script>'


def _answer(status: int, content_type: str | None, body: bytes) -> Response:
    return Response(body, status=status, content_type=content_type or "text/plain", headers={"Cache-Control": "no-store"})
