"""A worker stands still for longer than a mail may take, but not for long enough to be given up: no mail is sent again."""

from harness import Scenario, amid_work, checkers, faults, traffic, upon

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=20),
    faults=[upon(amid_work(after_seconds=1), faults.WorkerFreezes(), for_seconds=4)],
    acknowledgements="required",
    for_acceptance=False,  # found by `harness explore`, and kept
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_stays_available,
        checkers.backlog_drains(within_seconds=20),
    ],
)
