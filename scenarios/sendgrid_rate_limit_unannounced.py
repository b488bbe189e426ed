"""SendGrid answers 429 and does not say until when."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=20),
    faults=[between(3, 12, faults.SendGridRateLimits(mails=2, window_seconds=3, tells="nothing"))],
    acknowledgements="required",
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_stays_available,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=25),
    ],
)
