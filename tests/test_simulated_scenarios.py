"""Every scenario in the simulated world: the reference holds, whatever the seed, and the seeds prove something.

Five seeds here; docs/campaigns.md has the long counts.
"""

from __future__ import annotations

import pytest

from harness import scenario
from harness.campaign.draw import Draw
from harness.results import Execution
from harness.runner import Order, execute
from harness.verdict import Ruling

SEEDS = 5
BEYOND_THE_CLAIMS = (
    "redis_comes_back_empty",
    "redis_evicts",
)  # what may be lost there is counted, and the ruling is held all the same

NO_DISK = ("redis_disk_full", "postgres_disk_full", "postgres_log_disk_full")  # only real servers have one


@pytest.mark.parametrize("system", ["async", "sync"])
@pytest.mark.parametrize("name", scenario.names())
def test_the_reference_holds(name: str, system: str) -> None:
    draw = Draw(Order(scenario=name, system=system, world="simulated", seed=1), SEEDS)
    executed: list[Execution] = []
    while batch := next(draw.batches(), None):
        executed += (some := [execute(order, None).execution for order in batch])
        for one in some:
            draw.take(one)
        if executed[0].ruling is Ruling.NOT_APPLICABLE:
            assert system == "sync" or name in NO_DISK, f"{name} says nothing about {system}: {executed[0].reason}"
            return
    counted = [one for one in executed if not one.no_bite]
    assert len(counted) >= SEEDS, f"of {len(executed)} seeds only {len(counted)} bit"
    for one in counted:
        found = [verdict for verdict in one.verdicts if verdict.ruling in (Ruling.VIOLATED, Ruling.UNKNOWN)]
        assert one.ruling is Ruling.HELD, f"{one.repeat}: {found}"
        assert one.counts["lost"] == 0 or name in BEYOND_THE_CLAIMS
