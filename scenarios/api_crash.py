"""An API process is killed and started again: the other one goes on, and what a client was promised stays promised."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=20),
    faults=[between(5, 9, faults.ApiCrashes())],
    acknowledgements="required",
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
