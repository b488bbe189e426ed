"""Some ids vanish or change on their way through a URL: they are refused, or can be asked for like any other."""

from harness import Scenario, checkers, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=5, for_seconds=6) + traffic.awkward_ids(at_seconds=1),
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.backlog_drains(within_seconds=20),
    ],
)
