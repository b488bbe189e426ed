"""Whatever the service does, every request is sent once, recorded once, and called what it was."""

from __future__ import annotations

import socket
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.loadtests.generator import Record, assert_all_recorded, finish, known_server, run_locust, start_locust

MOODS = {  # what the server does: what the record says (http_status, error, refused)
    "ok": (202, "", False),
    "500": (500, "answered 500", False),
    "504": (504, "answered 504", False),
    "429": (429, "refused", True),
    "503": (503, "refused", True),
    "302": (302, "answered 302", False),
    "cut": (None, "connection cut", False),
    "half": (None, "connection cut", False),
    "hang": (None, "no answer within 1 s", False),
    "not-json": (202, "202 without a JSON object", False),
    "list": (202, "202 without a JSON object", False),
    "other-id": (202, "202 with another id", False),
}


def test_every_answer_is_called_what_it_was(tmp_path: Path) -> None:
    with known_server(tmp_path / "server.jsonl", "--moods", ",".join(MOODS)) as server:
        options = ("--post-rate", 60, "--read-rate", 60, "--timeout", 1, "-t", "4s")
        record = run_locust(tmp_path / "r.jsonl", "--host", server.url, *options)
        assert_all_recorded(record, server)
        moods = {line["id"]: line["mood"] for line in server.seen if line["method"] == "POST"}
    assert {moods[post["event"]["id"]] for post in record.posts} == set(MOODS)
    for post in record.posts:
        mood = moods[post["event"]["id"]]
        assert (post["http_status"], post["error"], post["refused"]) == MOODS[mood], mood
        assert post["headers"].get("retry-after") == ("2" if mood == "429" else None)
        assert post["due"] <= post["sent"] <= post["end"]
    assert {post["body"] for post in record.posts if moods[post["event"]["id"]] == "not-json"} == {"caf\ufffd"}
    accepted = {post["event"]["id"] for post in record.posts if moods[post["event"]["id"]] == "ok"}
    assert {read["id"] for read in record.reads} <= accepted
    assert {"", "connection cut", "no answer within 1 s", "answered 500"} <= {read["error"] for read in record.reads}


def test_duplicates_repeat_what_was_accepted(tmp_path: Path) -> None:
    with known_server(tmp_path / "server.jsonl") as server:
        options = ("--post-rate", 300, "--read-rate", 0, "--duplicates", 0.4, "--users", 2, "--spawn-rate", 2, "-t", "4s")
        record = run_locust(tmp_path / "r.jsonl", "--host", server.url, *options)
    fresh = {post["event"]["id"]: post["event"] for post in record.posts if not post["duplicate"]}
    repeated = [post for post in record.posts if post["duplicate"]]
    assert len(fresh) + len(repeated) == len(record.posts)
    assert len(repeated) / len(record.posts) == pytest.approx(0.4, abs=0.06)
    assert all(post["event"] == fresh[post["event"]["id"]] and post["http_status"] == 200 for post in repeated)
    assert not [post for post in record.posts if post["error"]]
    users = Counter(event_id.rsplit("-", 1)[0] for event_id in fresh)
    assert len(users) == 2
    assert min(users.values()) > 0.4 * sum(users.values())


def test_targets_take_turns_and_a_refused_connection_moves_on(tmp_path: Path) -> None:
    with known_server(tmp_path / "a.jsonl") as first, known_server(tmp_path / "b.jsonl") as second, closed_port() as refusing:
        options = [word for url in (first.url, refusing, second.url) for word in ("--target", url)]
        record = run_locust(tmp_path / "r.jsonl", *options, "--post-rate", 100, "--read-rate", 0, "-t", "3s")
        assert len(first.seen) + len(second.seen) == len(record.posts)
    shares = Counter(post["target"] for post in record.posts)
    assert shares == {first.url: len(first.seen), second.url: len(second.seen)}
    assert shares[first.url] / len(record.posts) == pytest.approx(1 / 3, abs=0.02)
    assert not [post for post in record.posts if post["error"]]


def test_where_nobody_listens_nothing_was_taken(tmp_path: Path) -> None:
    with closed_port() as refusing:
        record = run_locust(tmp_path / "r.jsonl", "--host", refusing, "--post-rate", 100, "-t", "2s")
    assert {(post["http_status"], post["refused"]) for post in record.posts} == {(None, True)}
    assert {post["error"] for post in record.posts} == {"no connection: Connection refused"}
    assert record.reads == []
    assert record.lines[-1]["reads_not_sent"] > 0


def test_two_generators_take_turns(tmp_path: Path) -> None:
    begin = time.time() + 3.0
    with known_server(tmp_path / "server.jsonl") as server:
        common = ("--host", server.url, "--start-at", begin, "--post-rate", 100, "-t", "8s")
        started = [
            start_locust(*common, "--window", f"{number}/0.8/2", "--record", tmp_path / f"{number}.jsonl") for number in (0, 1)
        ]
        for process in started:
            finish(process)
    for number in (0, 1):
        record = Record.of(tmp_path / f"{number}.jsonl")
        assert record.lines[0]["started_at"] == begin
        assert len(record.posts) > 100
        assert all(0 <= (line["due"] - begin - number) % 2 < 0.8 for line in record.posts + record.reads)


def test_headers_are_sent_and_not_written_down(tmp_path: Path) -> None:
    with known_server(tmp_path / "server.jsonl") as server:
        record = run_locust(tmp_path / "r.jsonl", "--host", server.url, "--header", "X-Api-Key: very secret", "-t", "2s")
        assert {line["key"] for line in server.seen} == {"very secret"}
    assert record.lines[0]["options"]["header"] == ["X-Api-Key"]
    assert "secret" not in (tmp_path / "r.jsonl").read_text()


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (("--window", "3"), "write OFFSET/LENGTH/PERIOD"),
        (("--shape", "round"), "write flat"),
        (("--arrivals", "now and then"), "write constant or poisson"),
        (("--mailed", "2"), "write a number from 0 to 1"),
        (("--target", "localhost:80"), "write http://HOST:PORT"),
        (("--header", "secret"), "'Name: value'"),
        (("--run", "a/b"), "use letters"),
    ],
)
def test_wrong_options_are_explained(words: tuple[str, ...], fix: str) -> None:
    process = start_locust("--host", "http://127.0.0.1:9", *words)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert fix in said
    assert "Traceback" not in said


def test_without_a_target_it_says_so() -> None:
    process = start_locust("-t", "2s")
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "--host http://HOST:PORT" in said
    assert "Traceback" not in said


class closed_port:  # noqa: N801 - reads as a function
    """The URL of a port that is taken, so that nobody else gets it, and refuses."""

    def __enter__(self) -> str:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._socket.close()
