"""While SendGrid is down the workers' clock jumps an hour ahead and back again: nobody waits for an hour that never was."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=20),
    faults=[between(2, 11, faults.SendGridAnswers(status=503)), between(5, 9, faults.ClockJumps(seconds=3600))],
    acknowledgements="required",
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.provider_is_spared,
        checkers.ingest_stays_available,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
