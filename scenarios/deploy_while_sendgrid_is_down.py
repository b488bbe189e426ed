"""Every process is restarted while SendGrid is down: what waits for its mail goes on waiting, and is mailed once."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=26),
    faults=[
        between(2, 12, faults.SendGridAnswers(status=503)),
        between(5, 5, faults.Deploys()),
    ],
    acknowledgements="required",
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.terminations_are_clean,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
