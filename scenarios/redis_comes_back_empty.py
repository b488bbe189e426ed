"""Redis loses everything: what was only there is gone and says so, what comes after is delivered, nothing is stored twice."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=22) + traffic.storm(events=5, copies=3, at_seconds=(2, 12)),
    faults=[between(3, 11, faults.SendGridAnswers(status=503)), between(5, 7, faults.RedisCrashes(loss="empty"))],
    must_hold=[
        *checkers.the_contract,
        checkers.what_is_lost_is_not_called_done,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
