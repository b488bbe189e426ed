"""SendGrid takes mails but half of its replies are lost: nobody can know, so a second mail is explained, a missing one is not."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=18),
    faults=[between(3, 10, faults.SendGridLosesReplies(share=0.5))],
    acknowledgements="required",
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_stays_available,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
