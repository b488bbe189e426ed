"""The reference with other settings than its own system file's, in the scenarios that only then show what they are about."""

from __future__ import annotations

from pathlib import Path

from harness import systems
from harness.history import History, Post
from harness.runner import Order, execute
from harness.tally import counts
from harness.verdict import Ruling

SEEDS = range(1, 9)


def variant(folder: Path, *changes: tuple[str, str]) -> str:
    """The path of `async`'s system file with these texts replaced."""
    text = (systems.BUILT_IN / "async.toml").read_text()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / "variant.toml").write_text(text)
    return str(folder / "variant.toml")


def histories(scenario: str, system: str) -> list[History]:
    """What happened under each seed; every run is held."""
    found = []
    for seed in SEEDS:
        done = execute(Order(scenario=scenario, system=system, world="simulated", seed=seed), None)
        assert done.history is not None
        assert done.execution.ruling is Ruling.HELD, (seed, done.execution.verdicts)
        assert done.execution.counts["stored_twice"] == 0
        found.append(done.history)
    return found


def test_a_power_loss_beyond_the_claims_costs_events_and_no_more(tmp_path: Path) -> None:
    claimed = 'durability = "power-loss"'
    system = variant(tmp_path, ('appendfsync = "always"', 'appendfsync = "everysec"'), (claimed, 'durability = "process-crash"'))
    assert any(counts(history)["lost"] for history in histories("redis_power_loss", system)), "no seed lost anything"


def test_a_power_loss_within_the_claims_is_seen(tmp_path: Path) -> None:
    system = variant(tmp_path, ('appendfsync = "always"', 'appendfsync = "everysec"'))
    rulings = [
        execute(Order(scenario="redis_power_loss", system=system, world="simulated", seed=seed), None).execution.ruling
        for seed in SEEDS
    ]
    assert Ruling.VIOLATED in rulings


def test_after_the_dedupe_window_an_event_is_accepted_anew_and_stored_once(tmp_path: Path) -> None:
    window = ("dedupe_window_hours = 24", "dedupe_window_hours = 0.001")
    system = variant(tmp_path, window, ('RECLAIM_SECONDS = "5"', 'RECLAIM_SECONDS = "5"\nDEDUPE_WINDOW_HOURS = "0.001"'))
    for history in histories("retries_after_the_window", system):
        answers = [post.answer for post in history.of(Post) if post.pair.id.startswith("storm_") and post.begin_s > 12]
        assert "accepted" in answers, "the window was not over"
