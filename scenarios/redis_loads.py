"""Redis comes back with a long file to read and answers LOADING for seconds: nothing is promised, nothing promised is lost."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=18),
    faults=[between(2, 10, faults.SendGridAnswers(status=503)), between(4, 8, faults.RedisLoads())],
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
