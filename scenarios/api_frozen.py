"""An API process stands still with requests in its hands, and goes on where it was after they were given up."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=20),
    faults=[between(5, 11, faults.ApiFreezes())],
    acknowledgements="required",
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
