"""All workers are stopped while two thousand events come in: the backlog grows, is seen, and drains once they are back."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=100, for_seconds=20, mailed=0.25),
    faults=[between(1, 24, faults.WorkersStop())],
    acknowledgements="required",
    must_hold=[
        *checkers.the_contract,
        checkers.queue_depth_shows_the_backlog,
        checkers.ingest_stays_available,
        checkers.backlog_drains(within_seconds=30),
    ],
)
