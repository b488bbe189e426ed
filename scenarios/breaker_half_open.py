"""SendGrid is well for a moment between two outages, while a backlog waits: each trial is one call, not a rush."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=20, for_seconds=24),
    faults=[
        between(2, 8, faults.SendGridAnswers(status=503)),
        between(9, 15, faults.SendGridAnswers(status=500)),
    ],
    acknowledgements="required",
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.provider_is_spared,
        checkers.ingest_stays_available,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
