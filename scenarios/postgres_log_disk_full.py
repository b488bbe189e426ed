"""The disk of Postgres is full and it stops itself over its own log: every event waits, and none is failed when there is room."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=20, for_seconds=20),
    faults=[between(4, 12, faults.PostgresDiskFills(what="log"))],
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_stays_available,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
