"""A worker dies in the middle of an event while nobody reaches Postgres."""

from harness import Scenario, amid_work, between, checkers, faults, traffic, upon

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=22),
    faults=[
        between(3, 10, faults.PostgresLinkFails(how="blackholes")),
        upon(amid_work(after_seconds=4), faults.WorkerCrashes(), for_seconds=4),
    ],
    acknowledgements="required",
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_stays_available,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
