"""Redis is killed and started again three seconds later: nothing can be promised meanwhile, nothing promised before is lost."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=20, for_seconds=18),
    faults=[between(4, 7, faults.RedisCrashes(loss="process-crash"))],
    acknowledgements="impossible",
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
