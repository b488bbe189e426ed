"""Redis becomes a read-only replica: nothing is promised meanwhile, and nothing promised before is lost."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=20),
    faults=[between(4, 10, faults.RedisRefusesWrites(why="read-only"))],
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
