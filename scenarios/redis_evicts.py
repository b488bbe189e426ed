"""Redis makes room by dropping keys of the queue: what is lost says so, what comes later is delivered."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=20) + traffic.storm(events=5, copies=3, at_seconds=(2, 12)),
    faults=[between(2, 11, faults.SendGridAnswers(status=503)), between(5, 9, faults.RedisEvicts())],
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.what_is_lost_is_not_called_done,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
