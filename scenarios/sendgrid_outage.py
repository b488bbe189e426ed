"""SendGrid answers 503 for ten seconds while traffic keeps coming."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=20, for_seconds=20),
    faults=[between(2, 12, faults.SendGridAnswers(status=503))],
    acknowledgements="required",
    must_hold=[
        *checkers.the_contract,
        checkers.provider_is_spared,  # bounded by the breaker the system claims
        checkers.ingest_stays_available,
        checkers.ingest_stays_fast(p95_ms=50),
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
