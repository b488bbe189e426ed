"""Every process is replaced, one after the other, while SendGrid is down and everything that was accepted waits."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=30),
    faults=[between(2, 14, faults.SendGridAnswers(status=503)), between(4, 4, faults.Deploys())],
    acknowledgements="required",
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.provider_is_spared,
        checkers.terminations_are_clean,
        checkers.ingest_stays_available,
        checkers.ingest_recovers(within_seconds=3),
        checkers.backlog_drains(within_seconds=20),
    ],
)
