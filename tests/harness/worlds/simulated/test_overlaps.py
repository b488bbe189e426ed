"""Faults that overlap, and services that do not come back: what happened is recorded, and nobody heals another's wound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from harness import faults, traffic
from harness.faults import Fault, between, mail, upon
from harness.history import Call, History, Lifecycle, Post, Stored, Suffered
from tests.harness.worlds.simulated import toy
from tests.harness.worlds.simulated.staging import TOY, staged

HERE = "tests.harness.worlds.simulated.test_overlaps"
BUSY = traffic.steady(per_second=5, for_seconds=12)
INCARNATIONS: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def _count_anew() -> None:
    INCARNATIONS.clear()


def evidence(history: History) -> list[str | None]:
    """By the fault's place in the plan."""
    return [fault.evidence for fault in sorted(history.of(Suffered), key=lambda fault: fault.index)]


def lives(history: History, what: str) -> list[tuple[str, str]]:
    return [(entry.process, entry.detail) for entry in history.of(Lifecycle) if entry.what == what]


def with_one_worker(folder: Path) -> str:
    """The toy's system file, with a single worker: whoever is hurt, it is this one."""
    head, worker, rest = Path(TOY).read_text().partition("[worker]")
    (folder / "toy.toml").write_text(head + worker + rest.replace("count = 2", "count = 1", 1))
    return str(folder / "toy.toml")


@pytest.mark.parametrize("fault", [faults.RedisCrashes(), faults.PostgresCrashes()])
@pytest.mark.parametrize("second", [(5, 6), (5, 11)])
def test_a_crash_of_a_server_that_is_down_proves_nothing_and_heals_nothing(fault: Fault, second: tuple[int, int]) -> None:
    history = staged(between(4, 8, fault), between(*second, fault), seed=1, load=BUSY)
    first_told, second_told = evidence(history)
    assert first_told is not None
    assert second_told is None
    promised = [post.end_s for post in history.of(Post) if post.promises]
    seen = promised if isinstance(fault, faults.RedisCrashes) else [stored.at_s for stored in history.of(Stored)]
    assert not [at_s for at_s in seen if 4.1 < at_s < 8], "the second fault started it before the first was over"
    assert [at_s for at_s in seen if 8 < at_s < 10.5], "the second fault kept it down after the first was over"


def test_a_kill_of_a_worker_that_is_down_proves_nothing_and_heals_nothing(tmp_path: Path) -> None:
    plan = between(4, 8, faults.WorkerCrashes()), between(5, 6, faults.WorkerCrashes()), between(5, 5, faults.WorkerFreezes())
    history = staged(*plan, seed=1, load=BUSY, system=with_one_worker(tmp_path))
    first_told, *others = evidence(history)
    assert first_told is not None
    assert others == [None, None]
    assert not lives(history, "frozen")
    assert [entry.what for entry in history.of(Lifecycle) if entry.process == "worker-0" and entry.at_s > 0] == [
        "killed",
        "started",
    ]
    assert not [stored for stored in history.of(Stored) if 4.1 < stored.at_s < 8]


def test_a_freeze_that_a_kill_ends_has_hurt_all_the_same(tmp_path: Path) -> None:
    plan = between(4, 20, faults.WorkerFreezes()), between(5, 19, faults.WorkersStop())
    history = staged(*plan, seed=1, load=BUSY, system=with_one_worker(tmp_path))
    frozen_told, _ = evidence(history)
    assert frozen_told is not None
    assert frozen_told.startswith("worker-0 stood still until it was killed: ")
    assert not lives(history, "resumed"), "its successor was never frozen"


def test_a_deploy_passes_over_who_is_down(tmp_path: Path) -> None:
    plan = between(4, 14, faults.WorkerCrashes()), between(5, 5, faults.Deploys())
    history = staged(*plan, seed=1, load=BUSY, system=with_one_worker(tmp_path))
    told = evidence(history)[1]
    assert told is not None
    assert "api-0" in told
    assert "worker-0" not in told
    assert [name for name, _ in lives(history, "terminated")] == ["api-0", "api-1"], "nobody told the dead to stop"


def starts_once(host: Any) -> Callable[[], Coroutine[Any, Any, None]]:
    """A service whose API does not start a second time."""
    INCARNATIONS[host.name] += 1
    if host.role == "api" and INCARNATIONS[host.name] > 1:
        return stillborn
    return toy.build(host)


async def stillborn() -> None:
    raise ValueError("the port is taken")


def test_a_service_that_does_not_come_back_is_a_fact_and_no_end() -> None:
    history = staged(between(4, 4, faults.Deploys()), seed=1, build=f"{HERE}:starts_once")
    (told,) = evidence(history)
    assert told is not None
    assert "api-0 ended with exit code 0 (it did not come back: " in told
    assert "the port is taken" in told
    assert "worker-1 ended with exit code 0 (now incarnation 2)" in told
    assert ("api-0", "by itself") in lives(history, "exited")
    assert [name for name, _ in lives(history, "not restarted")][:1] == ["api-0"]
    assert history.rest is not None


def fails_in_the_middle(host: Any) -> Callable[[], Coroutine[Any, Any, None]]:
    """A service whose first worker breaks at its first event."""
    INCARNATIONS[host.name] += 1
    return Fragile(host).run if host.name == "worker-0" and INCARNATIONS[host.name] == 1 else toy.build(host)


class Fragile(toy.Worker):
    """A worker with a mistake."""

    async def handle(self, entry_id: str, key: str) -> None:
        raise ZeroDivisionError("a mistake")


def test_a_process_that_ends_by_itself_is_started_again() -> None:
    history = staged(seed=1, load=BUSY, build=f"{HERE}:fails_in_the_middle")
    own = [entry for entry in history.of(Lifecycle) if entry.process == "worker-0"]
    assert [(entry.what, entry.exit_code) for entry in own] == [("started", None), ("exited", 1), ("started", None)]
    assert own[1].detail == "by itself"
    assert own[2].at_s == pytest.approx(own[1].at_s + 1, abs=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_the_mail_of_a_caller_killed_in_mid_call_is_never_taken(seed: int) -> None:
    history = staged(upon(mail(3), faults.WorkerCrashes(), for_seconds=4), seed=seed)
    assert all(evidence(history))
    assert set(Counter(call.pair for call in history.of(Call) if call.taken).values()) == {1}, "as in the real world"


def test_a_frozen_caller_goes_on_with_its_mail() -> None:
    history = staged(upon(mail(3), faults.WorkerFreezes(), for_seconds=1), seed=1)
    assert all(evidence(history))
    assert len(history.of(Call)) == 10, "every mail once: nobody noticed anything"


def test_braces_in_the_environment_are_the_services_own(tmp_path: Path) -> None:
    text = Path(TOY).read_text().replace("[env]", '[env]\nLOG_FORMAT = \'{"level": "info", "set": {}}\'')
    (tmp_path / "toy.toml").write_text(text)
    assert staged(seed=1, system=str(tmp_path / "toy.toml")).promised
