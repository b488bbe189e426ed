"""SendGrid refuses half of the addresses for good: those events fail with a reason, the others are mailed."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=20),
    faults=[between(3, 12, faults.SendGridRejects(share=0.5))],
    acknowledgements="required",
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_stays_available,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
