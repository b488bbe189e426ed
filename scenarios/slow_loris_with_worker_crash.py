"""SendGrid drips its answers, and a worker dies while it waits for one."""

from harness import Scenario, between, checkers, faults, mail, traffic, upon

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=24),
    faults=[
        between(3, 12, faults.SendGridTrickles()),
        upon(mail(5, after_seconds=3), faults.WorkerCrashes(), for_seconds=4),
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
