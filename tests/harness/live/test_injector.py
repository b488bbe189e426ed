"""Faults started and stopped by hand: what is refused, what the history learns of them, and that everything is healed."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from harness import checkers, systems
from harness.faults import Fault, from_data
from harness.history import Header, History, Suffered
from harness.live.injector import Injector, RefusedError
from harness.worlds.real.world import RealWorld
from harness.worlds.world import Occasion
from tests.harness.worlds.real.waiting import until


class Clock:
    """Seconds, moved by hand."""

    at_s = 0.0

    def now(self) -> float:
        return self.at_s


class TinyWorld:
    """Suffers whatever it is told to, and remembers what hurts."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.history = History(Header(scenario="ui", system="async", world="real", seed=1))
        self.hurting: list[Fault] = []
        self.breaks = False
        self.bites = True

    @asynccontextmanager
    async def suffering(self, fault: Fault, occasion: Occasion, *, index: int) -> AsyncIterator[None]:
        begin_s = self.clock.now()
        self.hurting.append(fault)
        try:
            yield
        finally:
            self.hurting.remove(fault)
            evidence = "it was seen" if self.bites else None
            told = {"name": type(fault).__name__, "story": "", "evidence": evidence, "processes": ()}
            self.history.record(Suffered(index=index, begin_s=begin_s, end_s=self.clock.now(), **cast(Any, told)))
            if self.breaks:
                raise RuntimeError("the server did not come back")


@pytest.fixture
def world() -> TinyWorld:
    return TinyWorld()


def injector(world: TinyWorld, system: str = "async") -> Injector:
    return Injector(cast(RealWorld, world), systems.load(system), begin=lambda: None)


async def test_a_fault_hurts_until_it_is_stopped_and_the_history_can_be_judged(world: TinyWorld) -> None:
    hands = injector(world)
    injection = hands.start("SendGridAnswers", {"status": 429})
    await until(lambda: bool(world.hurting))
    world.clock.at_s = 3.0
    assert not hands.is_calm
    assert [(one.index, one.end_s) for one in hands.under_way()] == [(0, 3.0)]
    hands.stop(injection.index)
    await until(lambda: hands.is_calm)
    assert not world.hurting
    assert (injection.phase, injection.evidence, injection.end_s) == ("over", "it was seen", 3.0)
    (planned,) = map(from_data, world.history.header.plan)
    assert (planned.fault, planned.lasts_seconds) == (injection.fault, 3.0)
    assert checkers.every_fault_bit(world.history).ruling == "held"
    assert hands.under_way() == []


async def test_a_fault_ends_by_itself(world: TinyWorld) -> None:
    hands = injector(world)
    hands.start("WorkerFreezes", {}, lasts_seconds=0.01)
    hands.start("Deploys", {}, lasts_seconds=math.inf)  # over as soon as it has happened
    await until(lambda: hands.is_calm)
    assert not world.hurting


async def test_one_without_evidence_proves_nothing(world: TinyWorld) -> None:
    world.bites, hands = False, injector(world)
    hands.start("NoFault", {})
    await until(lambda: hands.is_calm)
    assert hands.injections[0].evidence is None
    assert checkers.every_fault_bit(world.history).ruling == "unknown"


async def test_a_promise_about_the_fault_is_judged_once_it_was_started(world: TinyWorld) -> None:
    hands = injector(world)
    for _ in range(2):
        hands.start("SendGridAnswers", {}, lasts_seconds=0.0)
        await until(lambda: hands.is_calm)
    hands.start("SendGridRateLimits", {}, lasts_seconds=0.0)
    assert [item["checker"] for item in world.history.header.must_hold] == ["provider_is_spared", "rate_limit_is_respected"]


async def test_a_refusal_of_single_mails_is_no_outage(world: TinyWorld) -> None:
    hands = injector(world)
    hands.start("SendGridAnswers", {"status": 400}, lasts_seconds=0.0)
    assert world.history.header.must_hold == ()


async def test_it_is_calm_since_the_last_fault_was_healed(world: TinyWorld) -> None:
    hands = injector(world)
    assert hands.calm_since_s == 0
    hands.start("PostgresCrashes", {})
    await until(lambda: bool(world.hurting))
    world.clock.at_s = 40.0
    hands.stop(0)
    await until(lambda: hands.is_calm)
    assert hands.calm_since_s == 40


async def test_everything_is_healed_at_the_end(world: TinyWorld) -> None:
    hands = injector(world)
    for name in ("SendGridAnswers", "PostgresCrashes", "WorkerFreezes"):
        hands.start(name, {})
    await until(lambda: len(world.hurting) == 3)
    await hands.heal()
    assert world.hurting == []
    assert all(one.phase == "over" for one in hands.injections)


async def test_while_everything_is_healed_nothing_new_begins(world: TinyWorld) -> None:
    hands = injector(world)
    hands.start("PostgresCrashes", {})
    await until(lambda: bool(world.hurting))
    healing = asyncio.create_task(hands.heal())
    await asyncio.sleep(0)  # it has begun
    assert not healing.done()
    with pytest.raises(RefusedError, match="The session is ending, so no fault begins any more"):
        hands.start("WorkerFreezes", {})
    await healing
    assert world.hurting == []
    assert len(hands.injections) == 1


async def test_what_breaks_the_harness_is_not_kept_to_itself(world: TinyWorld) -> None:
    world.breaks, hands = True, injector(world)
    hands.start("RedisCrashes", {}, lasts_seconds=0.0)
    await until(lambda: hands.is_calm)
    with pytest.raises(RuntimeError, match="did not come back"):
        hands.require()


@pytest.mark.parametrize(
    ("name", "settings", "seconds", "told"),
    [
        ("SendGridAnswer", {}, 1.0, "There is no fault 'SendGridAnswer'. Did you mean 'SendGridAnswers'?"),
        ("SendGridAnswers", {"statu": 1}, 1.0, "SendGridAnswers has no setting 'statu'. Did you mean 'status'?"),
        ("Deploys", {"status": 1}, 1.0, "Deploys has no setting 'status'. It has none."),
        ("SendGridAnswers", {"status": 99}, 1.0, "status is 99, expected an HTTP status that takes no mail: 400 to 599"),
        ("SendGridRateLimits", {"mails": -1}, 1.0, "mails is -1, expected 0 to 1,000,000"),
        ("SendGridRateLimits", {"window_seconds": 0}, 1.0, "window_seconds is 0, expected 1 to 3,600"),
        ("FlagFlips", {"percent": 101}, 1.0, "percent is 101, expected 0 to 100"),
        ("SendGridLosesReplies", {"share": 2}, 1.0, "share is 2, expected 0 to 1"),
        ("RedisCrashes", {"loss": "all"}, 1.0, "loss is \"all\", expected one of 'process-crash', 'power-loss' or 'empty'."),
        (
            "SendGridAnswers",
            {"status": "five"},
            1.0,
            'SendGridAnswers cannot be started: status is "five", expected a whole number',
        ),
        ("SendGridAnswers", {"status": 503.5}, 1.0, "status is 503.5, expected a whole number"),
        ("SendGridLosesReplies", {"share": "half"}, 1.0, 'share is "half", expected a number'),
        ("NoFault", {}, -1.0, "A fault cannot last -1 seconds; expected 0 to 3600, or none at all: until it is stopped."),
        ("NoFault", {}, math.nan, "A fault cannot last nan seconds"),
    ],
)
async def test_what_cannot_be_started_is_refused_in_one_sentence(
    world: TinyWorld, name: str, settings: dict[str, Any], seconds: float, told: str
) -> None:
    hands = injector(world)
    with pytest.raises(RefusedError) as refused:
        hands.start(name, settings, lasts_seconds=seconds)
    assert told in str(refused.value)
    assert hands.injections == []
    assert world.history.header.plan == ()


async def test_a_disk_that_no_scenario_asked_for_cannot_be_filled_by_hand(world: TinyWorld) -> None:
    with pytest.raises(RefusedError, match="PostgresDiskFills cannot happen here: Postgres has no small disk"):
        injector(world).start("PostgresDiskFills", {}, lasts_seconds=1)


async def test_what_the_system_lacks_or_suffers_already_is_refused(world: TinyWorld) -> None:
    hands = injector(world, "sync")
    with pytest.raises(RefusedError, match="RedisCrashes cannot happen here: RedisCrashes needs redis"):
        hands.start("RedisCrashes", {})
    hands.start("PostgresCrashes", {})
    with pytest.raises(RefusedError, match="PostgresCrashes is going on already"):
        hands.start("PostgresCrashes", {})
    with pytest.raises(RefusedError, match="There is no fault number 1; 1 were started so far"):
        hands.stop(1)
    await hands.heal()


def test_an_offer_says_which_settings_there_are(world: TinyWorld) -> None:
    offers = {offer.name: offer for offer in injector(world).offers}
    assert [(one.name, one.kind, one.default) for one in offers["SendGridRateLimits"].settings] == [
        ("mails", "whole number", 5),
        ("window_seconds", "whole number", 5),
        ("tells", "choice", "reset-time"),
    ]
    (share,) = offers["SendGridLosesReplies"].settings
    assert (share.kind, share.default) == ("number", 0.5)
    (role,) = offers["RedisLosesReplies"].settings
    assert (role.kind, role.choices) == ("choice", ("api", "worker"))
    assert {name for name, offer in offers.items() if offer.momentary} == {"NoFault", "Deploys"}
