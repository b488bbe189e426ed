"""A worker wakes after its work was given to others, while the workers' words to Redis go unanswered."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=30),
    faults=[
        between(2, 14, faults.RedisLosesReplies(role="worker")),
        between(5, 13, faults.WorkerFreezes()),
    ],
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
