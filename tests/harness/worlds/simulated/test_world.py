"""The whole simulated world on a small service of its own: every fault bites, heals, and loses nothing of a sound service."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Literal, get_args

import pytest

from harness import faults, systems, traffic
from harness.faults import LinkFailure, Planned, amid_work, at_operation, between, mail, upon
from harness.history import Call, History, Lifecycle, Post, Read, Row, Stored, Suffered
from harness.usage import UsageError
from harness.worlds.simulated.fleet import load_named
from harness.worlds.simulated.world import SimulatedWorld
from tests.harness.worlds.simulated import toy
from tests.harness.worlds.simulated.staging import TOY, staged, with_build

EVERY_FAULT: dict[str, Planned] = {
    "nothing": between(5, 6, faults.NoFault()),
    "worker crash": upon(amid_work(after_seconds=4), faults.WorkerCrashes(), for_seconds=4),
    "worker crash in mid-mail": upon(mail(3), faults.WorkerCrashes(), for_seconds=4),
    "worker freeze": upon(amid_work(after_seconds=3), faults.WorkerFreezes(), for_seconds=8),
    "redis crash": between(5, 8, faults.RedisCrashes()),
    "redis loads": between(5, 8, faults.RedisLoads()),
    "redis loses replies": between(4, 12, faults.RedisLosesReplies("api")),
    "postgres crash": between(4, 12, faults.PostgresCrashes()),
    "sendgrid down": between(4, 12, faults.SendGridAnswers(503)),
    "sendgrid loses replies": between(3, 17, faults.SendGridLosesReplies(0.8)),
    "sendgrid limits": between(0, 20, faults.SendGridRateLimits(1, 5)),
    "workers stopped": between(3, 9, faults.WorkersStop()),
    "deploy": between(3, 3, faults.Deploys()),
    "upgrade": between(3, 9, faults.Upgrades()),
    "flag": between(3, 10, faults.FlagFlips(100)),
    "clock jump": between(3, 9, faults.ClockJumps(-600)),
    "deadly event": between(3, 9, faults.EventKillsWorkers()),
    "api crash": between(3, 9, faults.ApiCrashes()),
    "api freeze": between(3, 9, faults.ApiFreezes()),
    "redis freeze": between(4, 9, faults.RedisFreezes()),
    "redis full": between(3, 12, faults.RedisRefusesWrites("out-of-memory")),
    "redis a replica": between(3, 12, faults.RedisRefusesWrites("read-only")),
    "postgres freeze": between(3, 12, faults.PostgresFreezes()),
    "postgres loses replies": between(2, 14, faults.PostgresLosesReplies()),
    "postgres read-only": between(3, 12, faults.PostgresIsReadOnly()),
    "postgres ends backends": between(1, 18, faults.PostgresEndsBackends()),
    "postgres deadlocks": between(3, 12, faults.PostgresAborts("deadlock")),
    "postgres conflicts": between(3, 12, faults.PostgresAborts("serialisation")),
    "postgres full up": between(3, 12, faults.PostgresRunsOutOfConnections()),
    "postgres refuses logins": between(3, 12, faults.PostgresRefusesLogins()),
    "sendgrid stalls": between(3, 12, faults.SendGridStalls(seconds=5)),
    "sendgrid stalls with the mail": between(3, 12, faults.SendGridStalls(seconds=5, takes="mail")),
    "sendgrid trickles": between(3, 12, faults.SendGridTrickles()),
    "sendgrid's page": between(3, 12, faults.SendGridTalksGarbage("page")),
    "sendgrid's noise": between(3, 12, faults.SendGridTalksGarbage("noise")),
    "sendgrid rejects": between(3, 12, faults.SendGridRejects(0.7)),
    "sendgrid limits in silence": between(0, 20, faults.SendGridRateLimits(1, 5, tells="nothing")),
    **{f"redis {how}": between(3, 10, faults.RedisLinkFails(how)) for how in get_args(LinkFailure)},
    **{f"postgres {how}": between(3, 10, faults.PostgresLinkFails(how)) for how in get_args(LinkFailure)},
}


def test_every_fault_that_is_simulated_is_tried() -> None:
    tried = {type(planned.fault) for planned in EVERY_FAULT.values()} | {faults.RedisEvicts}
    assert tried == SimulatedWorld.supported_faults
    assert set(faults.FAULTS.values()) - tried == {faults.RedisDiskFills, faults.PostgresDiskFills}  # there is no disk


@pytest.mark.parametrize("policy", ["allkeys-random", "volatile-random"])
def test_a_redis_that_evicts_loses_what_its_policy_lets_it(policy: Literal["allkeys-random", "volatile-random"]) -> None:
    history = staged(between(3, 12, faults.RedisEvicts(policy)), between(3, 12, faults.SendGridAnswers(503)), seed=1)
    (evidence,) = [fault.evidence for fault in history.of(Suffered) if fault.name == "RedisEvicts"]
    assert bool(lost(history)) == bool(evidence) == (policy == "allkeys-random")  # nothing of the toy's expires


def lost(history: History) -> list[Any]:
    rows = {row.pair for row in history.of(Row)}
    mailed = {call.pair for call in history.of(Call) if call.taken}
    return [pair for pair in history.promised if pair not in rows or pair not in mailed]


@pytest.mark.parametrize("name", EVERY_FAULT)
def test_a_sound_service_loses_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.worlds.simulated.sendgrid.TRICKLE_S", 4.0)  # the toy has no deadline for a whole answer
    bites = 0
    for seed in range(3):
        history = staged(EVERY_FAULT[name], seed=seed)
        assert history.is_quiet
        assert len(history.promised) == 10
        assert lost(history) == []
        bites += all(fault.evidence for fault in history.of(Suffered)) and len(history.of(Suffered)) == 1
    assert bites


def test_a_quiet_run_records_the_life_of_every_event() -> None:
    history = staged(seed=1)
    for pair in history.promised:
        assert [post.answer for post in history.by_pair(Post)[pair]] == ["accepted"]
        assert history.by_pair(Read)[pair][-1].status == "completed"
        assert history.by_pair(Read)[pair][-1].final
        stored, call = history.by_pair(Stored)[pair][0], history.by_pair(Call)[pair][0]
        assert history.promised[pair].begin_s < stored.at_s < call.begin_s < call.end_s
    assert Counter(entry.what for entry in history.of(Lifecycle)) == {"started": 4}


def test_a_deploy_restarts_every_process_in_order() -> None:
    history = staged(EVERY_FAULT["deploy"], seed=1)
    exits = [(entry.process, entry.exit_code) for entry in history.of(Lifecycle) if entry.what == "exited"]
    assert exits == [("api-0", 0), ("api-1", 0), ("worker-0", 0), ("worker-1", 0)]
    assert all(post.outcome == "ok" for post in history.of(Post))


VERSIONS: list[tuple[str, str]] = []


def tells_its_version(host: Any) -> Callable[[], Coroutine[Any, Any, None]]:
    VERSIONS.append((host.name, host.env.get("VERSION", "1")))
    return toy.build(host)


@pytest.mark.parametrize("first", ["api", "worker"])
def test_an_upgrade_is_one_role_first_and_then_the_other(first: Literal["api", "worker"]) -> None:
    VERSIONS.clear()
    upgrade, crash = between(3, 9, faults.Upgrades(first)), between(16, 17, faults.WorkerCrashes())
    history = staged(upgrade, crash, seed=1, build=f"{__name__}:tells_its_version")
    second = "worker" if first == "api" else "api"
    later = [f"{first}-0", f"{first}-1", f"{second}-0", f"{second}-1"]
    assert [version for name, version in VERSIONS[: -len(later) - 1]] == ["1"] * 4
    assert VERSIONS[-len(later) - 1 : -1] == [(name, "2") for name in later]
    assert VERSIONS[-1][1] == "2", "what is started afterwards is the next version too"
    assert [lost(history), [fault.evidence is None for fault in history.of(Suffered)]] == [[], [False, False]]


def slow_to_stop(host: Any) -> Callable[[], Coroutine[Any, Any, None]]:
    """The toy, whose workers take two seconds more to stop."""

    async def main() -> None:
        await toy.build(host)()
        await asyncio.sleep(2 if host.role == "worker" else 0)

    return main


def test_workers_are_told_to_stop_together() -> None:
    history = staged(EVERY_FAULT["workers stopped"], seed=1, build=f"{__name__}:slow_to_stop")
    told = {entry.process: entry.at_s for entry in history.of(Lifecycle) if entry.what == "terminated"}
    gone = {entry.process: entry.at_s for entry in history.of(Lifecycle) if entry.what == "exited"}
    assert told.keys() == gone.keys() == {"worker-0", "worker-1"}
    assert set(told.values()) == {3.0}
    assert all(5 <= at_s < 7 for at_s in gone.values()), gone
    (fault,) = history.of(Suffered)
    assert fault.evidence is not None
    assert fault.evidence.count("ended with exit code 0 (now incarnation 2)") == 2


def test_a_turned_flag_leaves_its_commands_and_what_came_of_it() -> None:
    history = staged(EVERY_FAULT["flag"], seed=1)
    turns = [(entry.what, entry.detail, entry.exit_code) for entry in history.of(Lifecycle) if entry.process == "flag"]
    assert turns == [("started", "set 100", None), ("exited", "", 0), ("started", "clear", None), ("exited", "", 0)]
    (fault,) = history.of(Suffered)
    assert fault.evidence is not None
    assert fault.evidence.startswith("the flag was set to 100: it ended with exit code 0; afterwards ")


def test_a_flag_nobody_follows_proves_nothing() -> None:
    history = staged(between(3, 10, faults.FlagFlips(50)), seed=1)
    assert [fault.evidence for fault in history.of(Suffered)] == [None]


def test_a_command_that_failed_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def turn(host: Any, percent: int | None) -> Callable[[], Coroutine[Any, Any, None]]:
        async def main() -> None:
            raise ValueError("the toy has no other path")

        return main

    monkeypatch.setattr(toy, "turn", turn)
    history = staged(EVERY_FAULT["flag"], seed=1)
    assert [fault.evidence for fault in history.of(Suffered)] == [None]
    failed = next(entry for entry in history.of(Lifecycle) if entry.process == "flag" and entry.what == "exited")
    assert (failed.exit_code, failed.detail) == (1, "ValueError: the toy has no other path")


def test_the_occasion_names_the_operation_that_was_struck() -> None:
    history = staged(upon(at_operation(5, after_seconds=2.0, sent=False), faults.WorkerCrashes(), for_seconds=2), seed=1)
    fault = history.of(Suffered)[0]
    assert fault.evidence is not None
    assert "had not left yet" in fault.evidence
    assert fault.processes[0] in ("worker-0", "worker-1")


def test_a_trigger_nobody_meets_leaves_no_fault() -> None:
    history = staged(upon(mail(500), faults.WorkerCrashes(), for_seconds=2), seed=1)
    assert history.of(Suffered) == []


def test_faults_that_overlap_start_nobody_twice() -> None:
    plan = (
        between(3, 3, faults.Deploys()),
        upon(mail(2), faults.WorkerCrashes(), for_seconds=2),
        between(3, 4, faults.WorkerCrashes()),
    )
    for seed in range(3):
        history = staged(*plan, seed=seed)
        counts = Counter((entry.process, entry.what) for entry in history.of(Lifecycle))
        for name in ("worker-0", "worker-1"):
            ends = sum(counts[name, what] for what in ("killed", "exited"))
            assert counts[name, "started"] <= 1 + ends
        assert lost(history) == []


class AcknowledgesFirst(toy.Worker):
    """A flaw: it acknowledges before it has done the work."""

    async def handle(self, entry_id: str, key: str) -> None:
        await self.redis.xack(toy.STREAM, "workers", entry_id)
        await super().handle(entry_id, key)


def flawed(host: Any) -> Callable[[], Coroutine[Any, Any, None]]:
    """Builds the toy with that flaw."""
    return AcknowledgesFirst(host).run if host.role == "worker" else toy.build(host)


def test_a_kill_at_an_operation_finds_a_lost_event() -> None:
    built = "tests.harness.worlds.simulated.test_world:flawed"
    found = any(lost(staged(EVERY_FAULT["worker crash"], seed=seed, build=built)) for seed in range(25))
    assert found, "25 seeds found no event lost by a worker that acknowledges first"


def test_a_power_loss_takes_back_what_a_202_had_promised() -> None:
    plan = between(5.0, 5.5, faults.RedisCrashes("power-loss")), between(3, 9, faults.SendGridAnswers(503))
    assert any(lost(staged(*plan, seed=seed, load=traffic.steady(per_second=5, for_seconds=8))) for seed in range(12))


def silent(host: Any) -> Callable[[], Coroutine[Any, Any, None]]:
    """A service that ends at once."""

    async def main() -> None:
        raise ValueError("no such setting")

    return main


def test_a_service_that_does_not_start_is_one_sentence() -> None:
    with pytest.raises(UsageError, match=r"api-0 of 'toy' did not start in the simulation: ValueError: no such setting\."):
        staged(seed=1, build="tests.harness.worlds.simulated.test_world:silent")


def test_a_builder_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(UsageError, match="cannot be loaded"):
        load_named(with_build(systems.load(TOY), "nowhere.at_all:build"), "build")
