"""Redis and Postgres are killed one after the other, and are down together for a while."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=20),
    faults=[
        between(4, 8, faults.RedisCrashes(loss="process-crash")),
        between(6, 10, faults.PostgresCrashes()),
    ],
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
