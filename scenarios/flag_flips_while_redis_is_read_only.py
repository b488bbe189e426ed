"""Redis refuses writes, so the flag is turned to the synchronous path and back once Redis is well."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=30) + traffic.storm(events=6, copies=4, at_seconds=(8, 20)),
    faults=[
        between(3, 18, faults.FlagFlips(percent=0)),
        between(6, 13, faults.RedisRefusesWrites(why="read-only")),
    ],
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.the_flag_is_followed(within_seconds=1),
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
