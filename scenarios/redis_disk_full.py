"""The disk of Redis is full: it dies at every write, comes back and dies again; what was promised before is kept."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=18),
    faults=[between(2, 10, faults.SendGridAnswers(status=503)), between(4, 9, faults.RedisDiskFills())],
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
