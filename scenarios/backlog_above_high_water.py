"""Nobody works the queue off until it is full: what is refused is told when to come back, what was accepted is finished."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=20, for_seconds=22),
    faults=[between(1, 12, faults.WorkersStop())],
    acknowledgements="required",
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
