"""SendGrid takes mails and keeps every caller waiting longer than anybody waits: nobody can know what became of them."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=20),
    faults=[between(3, 9, faults.SendGridStalls(takes="mail"))],
    acknowledgements="required",
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_stays_available,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
