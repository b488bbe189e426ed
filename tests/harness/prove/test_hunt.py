"""A hunt: which seeds it tries, when it ends, and what is told of it."""

from __future__ import annotations

from harness.prove.catalogue import Flaw
from harness.prove.hunt import Hunt
from harness.results import Execution
from harness.verbs.prove import _news
from harness.verdict import Ruling, Verdict

FLAW = Flaw(name="f", story="S.", path="f.py", caught_by="meant", scenario="baseline", worlds=("simulated",), system="async")


def hunt(*, world: str = "simulated", most: int = 20) -> Hunt:
    return Hunt.after(FLAW, world=world, seed=1, most=most)


def ended(seed: int, *accusing: str, ruling: Ruling = Ruling.HELD, **more: str) -> Execution:
    verdicts = tuple(Verdict(ruling=Ruling.VIOLATED, checker=name) for name in accusing)
    told = Ruling.VIOLATED if accusing else ruling
    execution = Execution(
        name="baseline", world="simulated", seed=seed, system="async", ruling=told, verdicts=verdicts, cpu_s=1.0
    )
    return Execution(**({name: getattr(execution, name) for name in execution.__dataclass_fields__} | more))


def tries(hunted: Hunt, *, catches_at: int | None) -> list[int]:
    """The sizes of the batches until the hunt ends."""
    sizes = []
    while batch := next(hunted.batches(), ()):
        sizes.append(len(batch))
        assert next(hunted.batches(), ()) == (), "a batch was handed out before the one before it had ended"
        hunted.executions += [ended(order.seed, *(["meant"] if order.seed == catches_at else ["other"])) for order in batch]
    return sizes


def test_it_looks_at_one_seed_and_then_at_as_many_again() -> None:
    assert tries(hunt(), catches_at=None) == [1, 1, 2, 4, 8, 4]


def test_it_ends_once_the_flaw_is_caught() -> None:
    assert tries(hunt(), catches_at=1) == [1]
    assert tries(hunt(), catches_at=3) == [1, 1, 2]


def test_real_processes_are_tried_one_schedule_at_a_time() -> None:
    assert tries(hunt(world="real", most=3), catches_at=None) == [1, 1, 1]


def test_its_orders_plant_the_flaw() -> None:
    ((order,),) = [next(hunt().batches())]
    assert (order.flaw, order.scenario, order.system, order.seed) == ("f.py", "baseline", "async", 1)


def test_the_lowest_seed_that_was_caught_counts_and_what_came_after_it_does_not() -> None:
    hunted = hunt()
    hunted.executions = [ended(1, "other"), ended(4, "late", "meant"), ended(3, "meant", folder="scenarios/x"), ended(2)]
    challenge = hunted.challenge()
    assert (challenge.ruling, challenge.seed, challenge.seeds, challenge.cpu_s) == (Ruling.HELD, 3, 3, 3.0)
    assert challenge.accused == ("meant", "other")
    assert challenge.folder == "scenarios/x"


def test_a_flaw_that_others_see_has_survived_all_the_same() -> None:
    hunted = hunt()
    hunted.executions = [ended(1, "other"), ended(2)]
    challenge = hunted.challenge()
    assert (challenge.ruling, challenge.seed, challenge.accused) == (Ruling.VIOLATED, None, ("other",))
    assert challenge.reason == "meant saw nothing in 2 schedules"


def test_what_a_busy_machine_left_undecided_has_not_survived() -> None:
    hunted = hunt(most=1)
    hunted.executions = [ended(1, ruling=Ruling.UNKNOWN, reason="too busy")]
    assert _news([hunted], hunted.executions[0]).endswith("unknown[/] f (simulated): too busy")
    hunted.executions = [ended(1)]
    assert _news([hunted], hunted.executions[0]) == "[bold red]survived[/] f (simulated): meant saw nothing in 1 schedules"
    hunted.executions = [ended(1, "meant")]
    assert _news([hunted], hunted.executions[0]) == "[green]caught[/] f (simulated, seed 1) by meant"


def test_where_nothing_could_be_decided_nobody_knows() -> None:
    hunted = hunt()
    hunted.executions = [ended(1, ruling=Ruling.UNKNOWN, reason="too busy")]
    assert (hunted.challenge().ruling, hunted.challenge().reason) == (Ruling.UNKNOWN, "too busy")
    hunted.executions = [ended(1, ruling=Ruling.NOT_APPLICABLE, reason="no worker")]
    assert (hunted.challenge().ruling, hunted.challenge().reason) == (Ruling.UNKNOWN, "no worker")
