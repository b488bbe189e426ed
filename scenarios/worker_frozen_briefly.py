"""A worker stands still for longer than it waits for a mail, and wakes before anybody takes its work."""

from harness import Scenario, amid_work, checkers, faults, traffic, upon

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=18),
    faults=[upon(amid_work(after_seconds=1), faults.WorkerFreezes(), for_seconds=3.5)],
    acknowledgements="required",
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_stays_available,
        checkers.ingest_recovers(within_seconds=1),
        checkers.backlog_drains(within_seconds=20),
    ],
)
