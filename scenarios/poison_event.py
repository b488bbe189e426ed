"""Some events are acceptable but nobody can finish them: they fail with a reason, and hold nothing else up."""

from harness import Scenario, checkers, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=12) + traffic.poison(at_seconds=(2, 4, 6)),
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_stays_available,
        checkers.backlog_drains(within_seconds=20),
    ],
)
