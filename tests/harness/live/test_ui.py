"""`harness ui` as a person uses it: in a real browser, and as somebody who should not be let in.

The browser is Chromium, found on PATH or named in CHROMIUM; only the test that needs it is skipped without one.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from harness.worlds.real.injuries.processes import is_stopped
from harness.worlds.real.ports import Ports
from tests.chromium import CHROMIUM, SWITCHES
from tests.command import COMMAND, ROOT, harness
from tests.leftovers import processes_of
from tests.waiting import until

FOREIGN = ROOT / "tests" / "foreign" / "foreign.toml"
OPENED = re.compile(r"Faults and Promises: (http://\S+/)")
STARTS_WITHIN_S = 90.0
DRAINS_WITHIN_MS = 60_000
AT_REST_WITHIN_MS = 120_000


@dataclass
class Ui:
    """A running `harness ui`."""

    running: subprocess.Popen[str]
    url: str
    place: Path
    out: Path

    def end(self) -> int:
        """Ctrl-C; its exit code, once nothing of it is left."""
        self.running.send_signal(signal.SIGINT)
        code = self.running.wait(120)
        until(lambda: not processes_of(self.place), seconds=20)
        until(lambda: not list(self.place.iterdir()), seconds=20)
        return code

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        """One request, whatever comes of it."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json", **headers}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def token(self) -> dict[str, str]:
        """The page's token, as a header."""
        found = re.search(r'data-token="([^"]+)"', self.ask("GET", "")[1])
        assert found
        return {"X-Harness-Token": found[1]}

    def state(self) -> dict[str, Any]:
        """What the tabs get."""
        told: dict[str, Any] = json.loads(self.ask("GET", "harness/state", **self.token())[1])
        return told

    def has_accepted(self, number: int) -> bool:
        """Whether the service has promised so many events."""
        return int(self.state()["standing"]["counts"]["accepted"]) >= number

    def has_a_frozen_process(self) -> bool:
        """Whether a process of the service stands still."""
        return any(is_stopped(int(line.partition(":")[0])) for line in processes_of(self.place))

    def start_test(self) -> None:
        """What Locust's Start button does."""
        form = urllib.request.Request(f"{self.url}swarm", b"user_count=1&spawn_rate=1")
        assert b"Swarming started" in urllib.request.urlopen(form, timeout=20).read()


@contextmanager
def opened(tmp_path: Path, *words: str) -> Iterator[Ui]:
    place, ports = tmp_path / "tmp", Ports()
    place.mkdir()
    port = ports.draw()
    log = tmp_path / "ui.log"
    with log.open("w") as file:
        running = subprocess.Popen(
            [*COMMAND, "ui", "--port", str(port), "--out", str(tmp_path / "out"), *words],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(place)},
            stdout=file,
            stderr=file,
            text=True,
            start_new_session=True,
        )
    try:
        until(lambda: OPENED.search(log.read_text()) is not None or running.poll() is not None, seconds=STARTS_WITHIN_S)
        assert running.poll() is None, log.read_text()
        address = OPENED.search(log.read_text())
        assert address
        yield Ui(running, address[1], place, tmp_path / "out")
    finally:
        if running.poll() is None:
            running.kill()
            running.wait()
        ports.close()


def count(page: Page, name: str) -> int:
    """The number on one card of the Promises tab."""
    return int(page.locator(f"#count-{name} b").inner_text())


def show(page: Page, tab: str) -> None:
    page.get_by_role("tab", name=tab).click()


@pytest.mark.xdist_group("ui")
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium, or name one in CHROMIUM")
def test_an_outage_at_the_push_of_a_button(tmp_path: Path) -> None:
    with opened(tmp_path) as ui, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(ui.url)
        page.get_by_role("button", name="Start").click()
        show(page, "Promises")
        expect(page.locator("#harness-phase")).to_have_attribute("data-phase", "under load")

        show(page, "Faults")
        page.locator("#start-SendGridAnswers").click()
        expect(page.locator("#start-SendGridAnswers")).to_have_text("Stop")
        expect(page.locator("#harness-injections tr")).to_contain_text("hurting")
        show(page, "Promises")
        page.wait_for_function("Number(document.querySelector('#count-backlog b')?.textContent) >= 40", timeout=DRAINS_WITHIN_MS)
        expect(page.locator("#count-breaker")).to_contain_text("held back (breaker open)", timeout=20_000)
        assert count(page, "accepted") > count(page, "mailed")

        show(page, "Faults")
        page.locator("#start-SendGridAnswers").click()
        expect(page.locator("#start-SendGridAnswers")).to_have_text("Start")
        expect(page.locator("#harness-injections tr")).to_contain_text("calls were answered 503")
        show(page, "Promises")
        page.wait_for_function("Number(document.querySelector('#count-backlog b')?.textContent) <= 10", timeout=DRAINS_WITHIN_MS)

        show(page, "Charts")
        expect(page.locator("#harness-picture")).to_have_attribute("src", re.compile("^blob:"))
        page.get_by_role("button", name="Stop").click()
        show(page, "Promises")
        expect(page.locator("#harness-phase")).to_have_attribute("data-phase", "at rest", timeout=AT_REST_WITHIN_MS)
        expect(page.locator("#harness-phase")).to_have_attribute("data-ruling", "held")
        assert count(page, "lost") == count(page, "backlog") == 0
        assert count(page, "accepted") == count(page, "stored")
        page.screenshot(path=tmp_path / "promises.png", full_page=True)
        browser.close()
        assert complaints == []
        assert ui.end() == 0
    results = json.loads((ui.out / "results.json").read_text())
    (one,) = results["scenarios"]
    assert [fault["name"] for fault in one["faults"]] == ["SendGridAnswers"]
    assert "provider_is_spared" in {verdict["checker"] for verdict in one["verdicts"] if verdict["ruling"] == "held"}


@pytest.mark.xdist_group("ui")
def test_only_the_page_itself_may_hurt_and_only_what_can_be_hurt(tmp_path: Path) -> None:
    with opened(tmp_path, "--system", str(FOREIGN), "--bind", "127.0.0.2") as ui:
        assert ui.url.startswith("http://127.0.0.2:")
        outage = {"fault": "SendGridAnswers", "settings": {"status": 503}}
        assert ui.ask("POST", "harness/faults", outage)[0] == 403, "without the token"
        assert ui.ask("POST", "harness/faults", outage, **{"X-Harness-Token": "guessed"})[0] == 403
        assert ui.ask("POST", "harness/faults", outage, Origin="http://elsewhere.example", **ui.token())[0] == 403
        assert ui.ask("GET", "", Origin="http://elsewhere.example")[0] == 403, "the token stands in the page"
        assert ui.ask("GET", "", Host="elsewhere.example")[0] == 403, "a name that was made to point here"
        assert ui.state()["injections"] == []

        code, why = ui.ask("POST", "harness/faults", {"fault": "RedisCrashes"}, **ui.token())
        assert code == 409
        assert "needs redis, which the system 'foreign' does not use" in why
        offers = {offer["name"]: offer["why_not"] for offer in ui.state()["offers"]}
        assert "needs redis" in offers["RedisCrashes"]
        assert offers["PostgresCrashes"] == ""
        assert ui.end() == 3, "nothing was sent, so nothing is known"


@pytest.mark.xdist_group("ui")
def test_closing_heals_and_a_second_test_goes_on_from_the_first(tmp_path: Path) -> None:
    with opened(tmp_path, "--seed", "7") as ui:
        for number in (1, 2):
            ui.start_test()
            until(lambda: ui.state()["standing"]["phase"] == "under load", seconds=30)
            until(partial(ui.has_accepted, 20 * number), seconds=60)
            urllib.request.urlopen(urllib.request.Request(f"{ui.url}stop", b""), timeout=30)
            until(lambda: ui.state()["standing"]["phase"] == "at rest", seconds=90)
            assert ui.state()["standing"]["ruling"] == "held"
        assert ui.ask("POST", "harness/faults", {"fault": "WorkerFreezes"}, **ui.token())[0] == 201
        until(ui.has_a_frozen_process, seconds=10)  # and nobody lets it go on: closing must
        assert ui.end() == 0
    results = json.loads((ui.out / "results.json").read_text())
    (one,) = results["scenarios"]
    assert one["counts"]["lost"] == one["counts"]["stored_twice"] == 0
    assert "stood still" in one["faults"][0]["evidence"]
    with (ui.out / one["folder"] / "record.jsonl").open() as record:
        assert json.loads(next(record))["options"]["seed"] == 7, "the seed is the load's too"


def test_a_port_in_use_is_told_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done = harness("ui", "--port", str(port), "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    told = f"Locust's page cannot be served at 127.0.0.1 port {port}: it is in use; use other --bind or --port."
    assert done.stderr.strip() == f"harness: {told}"
    assert not (tmp_path / "out").exists()
