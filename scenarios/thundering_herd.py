"""Redis is back after eight seconds, and everybody who was refused comes at once, with everything new."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=20, for_seconds=24) + traffic.storm(events=20, copies=8, at_seconds=(4, 11)),
    faults=[
        between(3, 11, faults.RedisLinkFails(how="refuses")),
    ],
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
