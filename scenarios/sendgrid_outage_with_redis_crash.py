"""While SendGrid is down and everything waits in the queue, Redis is killed as well."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=20, for_seconds=20),
    faults=[
        between(3, 12, faults.SendGridAnswers(status=503)),
        between(7, 9, faults.RedisCrashes(loss="process-crash")),
    ],
    must_hold=[
        *checkers.the_contract,
        checkers.provider_is_spared,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
