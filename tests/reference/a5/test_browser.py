"""The A5 client in a real browser, on a page of the service's own origin."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from playwright.async_api import Route, async_playwright

from tests.chromium import CHROMIUM, SWITCHES
from tests.reference.a5.node import CLIENT, NODE
from tests.reference.processes import configure
from tests.reference.servers import Postgres, Redis, SendGrid, Service

STRIP = "process.stdout.write(require('module').stripTypeScriptTypes(require('fs').readFileSync(process.argv[1], 'utf8')))"
DELIVER = """async () => {
    const { IngestClient } = await import("/a5/client.ts");
    const client = new IngestClient({ url: "" });
    const event = { source: "a5", id: "from a browser".replaceAll(" ", "~") };
    const refused = await client.submit({ source: "a5", id: "no/such/id" });
    const sent = await client.submit(event, { signal: new AbortController().signal });
    const end = await client.follow(event, { afterMs: sent.pollAfterMs });
    return [refused, sent, end.outcome, end.processedAt instanceof Date];
}"""


def as_javascript(name: str) -> str:
    """The source with its types left out: what a bundler or tsc makes of it."""
    command = [NODE, "--no-warnings", "-e", STRIP, str(CLIENT / name)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


async def serve_the_client(route: Route) -> None:
    name = route.request.url.rpartition("/")[2]
    if name == "page":
        await route.fulfill(content_type="text/html", body="<title>A5</title>")
    else:
        await route.fulfill(content_type="text/javascript", body=as_javascript(name))


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium, or name one in CHROMIUM")
async def test_a_page_delivers_an_event(service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
    url = service.api()
    service.worker()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
        page = await browser.new_page()
        await page.route("**/a5/*", serve_the_client)
        await page.goto(f"{url}/a5/page")
        told: list[Any] = await page.evaluate(DELIVER)
        await browser.close()
    refused, sent, *end = told
    assert (refused["outcome"], refused["problem"]["status"]) == ("refused", 422), json.dumps(refused)
    assert sent == {"outcome": "accepted", "pollAfterMs": 1000}
    assert end == ["completed", True]
