"""The same events many times at once over two API processes, and all of it again later; lookalikes are not duplicates."""

from harness import Scenario, checkers, traffic

scenario = Scenario(
    traffic=traffic.storm(events=30, copies=16, at_seconds=(1, 9))
    + traffic.lookalikes(at_seconds=2)
    + traffic.contradiction(at_seconds=4),
    must_hold=[
        *checkers.the_contract,
        checkers.a_changed_payload_is_refused,
        checkers.backlog_drains(within_seconds=20),
    ],
)
