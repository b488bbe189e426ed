"""A worker stops in the middle of an event and wakes, a zombie, after its work was given to others."""

from harness import Scenario, amid_work, checkers, faults, traffic, upon

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=20),
    faults=[upon(amid_work(after_seconds=1), faults.WorkerFreezes(), for_seconds=8)],
    acknowledgements="required",
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_stays_available,
        checkers.ingest_recovers(within_seconds=1),
        checkers.backlog_drains(within_seconds=20),
    ],
)
