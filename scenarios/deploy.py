"""Every process is told to stop and started again, one after the other, a worker in the middle of an event first."""

from harness import Scenario, amid_work, checkers, faults, traffic, upon

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=24),
    faults=[upon(amid_work(after_seconds=1), faults.Deploys(), for_seconds=0)],  # lasts as long as the processes take
    acknowledgements="required",
    must_hold=[
        *checkers.the_contract,
        checkers.terminations_are_clean,
        checkers.ingest_stays_available,
        checkers.ingest_recovers(within_seconds=3),
        checkers.backlog_drains(within_seconds=20),
    ],
)
