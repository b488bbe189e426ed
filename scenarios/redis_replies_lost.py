"""Redis does what the API asks but its replies are lost: an accepted event and one never queued look alike."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=18),
    faults=[between(4, 9, faults.RedisLosesReplies(role="api"))],
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
