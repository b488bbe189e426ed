"""The same events are posted again long after they were finished: within the dedupe window and after it they are stored once."""

from harness import Scenario, checkers, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=5, for_seconds=10) + traffic.storm(events=8, copies=4, at_seconds=(1, 13)),
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.backlog_drains(within_seconds=20),
    ],
)
