"""Two systems in turns: each is loaded in blocks of its own, and what is known of one never mixes with the other's."""

from __future__ import annotations

from pathlib import Path

from harness.history import Post, Read, Row
from tests.harness.load.arranged import BLOCK_SECONDS, hurried, moody

CALM_SECONDS = 1.0
CLOCKS_DIFFER_SECONDS = 0.2  # between Locust's schedule and the history's zero


def turn_of(at_s: float) -> int:
    """Whose block it was, 0 or 1; -1 where nobody should have sent."""
    turn, within_s = divmod(at_s + CLOCKS_DIFFER_SECONDS, BLOCK_SECONDS)
    return int(turn) % 2 if within_s <= BLOCK_SECONDS - CALM_SECONDS + 2 * CLOCKS_DIFFER_SECONDS else -1


def test_two_systems_of_one_name_take_turns(tmp_path: Path) -> None:
    before, after = (moody(tmp_path / role, "sound", name="one-name") for role in ("before", "after"))
    found = hurried(after, tmp_path / "out", "--before", str(before))
    assert found.promises == "held", found
    pairs = []
    for number, role in enumerate(("before", "after")):
        history = found.history(role)
        posts, reads = history.of(Post), [read for read in history.of(Read) if not read.final]
        during = [read for read in reads if read.begin_s <= posts[-1].begin_s]
        assert {turn_of(at_s) for at_s in (*(post.begin_s for post in posts), *(read.begin_s for read in during))} == {number}
        assert {int(post.begin_s // (2 * BLOCK_SECONDS)) for post in posts} == {0, 1}, found  # in both rounds
        assert {row.pair for row in history.of(Row)} == {post.pair for post in posts}, found
        pairs.append({post.pair for post in posts})
    assert not pairs[0] & pairs[1]
    assert [row["role"] for row in found.results["load"] if row["endpoint"] == "POST /ingest"] == ["before", "after", "stub"]
    assert all((found.out / "load" / f"{role}.jsonl").exists() for role in ("before", "after", "stub"))
