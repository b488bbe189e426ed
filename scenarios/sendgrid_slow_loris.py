"""SendGrid answers a byte at a time: each byte comes in time, the whole answer never does."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=20),
    faults=[between(3, 9, faults.SendGridTrickles())],
    acknowledgements="required",
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_stays_available,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
