"""The connections to Postgres are dead and nobody was told."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=20),
    faults=[between(4, 9, faults.PostgresLinkFails(how="half-opens"))],
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
