"""SendGrid is down and a backlog has grown when the flag is turned to the synchronous path; the backlog drains, nothing twice."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=30) + traffic.storm(events=6, copies=4, at_seconds=(3, 8, 12, 22)),
    faults=[between(2, 8, faults.SendGridAnswers(status=503)), between(4, 20, faults.FlagFlips(percent=0))],
    acknowledgements="required",
    must_hold=[
        *checkers.the_contract,
        checkers.the_flag_is_followed(within_seconds=1),
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=10),  # while the flag still says that nothing goes to the queue
    ],
)
