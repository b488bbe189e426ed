"""Postgres ends the connections of the service, one after the other, in the middle of whatever they do."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=20),
    faults=[between(4, 11, faults.PostgresEndsBackends())],
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
