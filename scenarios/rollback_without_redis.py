"""The flag was turned to the synchronous path, and then Redis is killed: the service goes on, and takes no event twice later."""

from harness import Scenario, between, checkers, faults, traffic

# On a busy machine the command that turns the flag takes three seconds: Redis lives until every process has heard.
scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=34) + traffic.storm(events=6, copies=6, at_seconds=(12, 22)),
    faults=[between(3, 20, faults.FlagFlips(percent=0)), between(10, 15, faults.RedisCrashes(loss="process-crash"))],
    acknowledgements="required",
    must_hold=[
        *checkers.the_contract,
        checkers.the_flag_is_followed(within_seconds=1),
        checkers.ingest_stays_available,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
