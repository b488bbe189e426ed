"""Two payloads for the same pairs, and nobody hears who won: still only one of them is stored, mailed and promised."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=20) + traffic.quarrel(pairs=10, copies=4, at_seconds=(5, 14)),
    faults=[
        between(4, 9, faults.RedisLosesReplies(role="api")),
    ],
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.a_changed_payload_is_refused,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
