"""The flag is turned to the synchronous path and back, twice, while the same events are posted again and again."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=30) + traffic.storm(events=8, copies=8, at_seconds=(3.9, 7, 9.7, 12.7, 18)),
    faults=[between(4, 10, faults.FlagFlips(percent=0)), between(13, 17, faults.FlagFlips(percent=0))],
    acknowledgements="required",
    must_hold=[
        *checkers.the_contract,
        checkers.the_flag_is_followed(within_seconds=1),
        checkers.ingest_stays_available,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
