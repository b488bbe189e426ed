"""The same pairs come with two payloads at the same moment, over two API processes: one of the two wins, for everybody."""

from harness import Scenario, checkers, traffic

scenario = Scenario(
    traffic=traffic.quarrel(pairs=20, copies=6, at_seconds=(1, 8)),
    must_hold=[
        *checkers.the_contract,
        checkers.a_changed_payload_is_refused,
        checkers.backlog_drains(within_seconds=20),
    ],
)
