"""Postgres is killed and started again three seconds later, while the queue goes on taking events."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=20, for_seconds=15),
    faults=[between(5, 8, faults.PostgresCrashes())],
    must_hold=[
        *checkers.the_contract,
        checkers.backlog_drains(within_seconds=20),
    ],
)
