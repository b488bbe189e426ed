"""Redis has no memory left and refuses writes: what is accepted is kept, the rest is refused with a time to come back."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=20),
    faults=[between(4, 10, faults.RedisRefusesWrites(why="out-of-memory"))],
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
