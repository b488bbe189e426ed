"""The machine of Redis loses its power: what was acknowledged survives as far as the service claims, the rest says it is gone."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=20),
    faults=[between(2, 10, faults.SendGridAnswers(status=503)), between(5, 8, faults.RedisCrashes(loss="power-loss"))],
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.what_is_lost_is_not_called_done,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
