"""Every process is told to stop and started again, one after the other, under traffic."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=20),
    faults=[between(3, 3, faults.Deploys())],  # lasts as long as the processes take
    acknowledgements="required",
    must_hold=[
        *checkers.the_contract,
        checkers.terminations_are_clean,
        checkers.ingest_stays_available,
        checkers.backlog_drains(within_seconds=20),
    ],
)
