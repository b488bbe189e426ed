"""A worker is killed in the middle of an event; whatever it had taken is taken up again."""

from harness import Scenario, amid_work, checkers, faults, traffic, upon

scenario = Scenario(
    traffic=traffic.steady(per_second=20, for_seconds=20),
    faults=[upon(amid_work(after_seconds=1), faults.WorkerCrashes(), for_seconds=4)],
    acknowledgements="required",
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_stays_available,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
