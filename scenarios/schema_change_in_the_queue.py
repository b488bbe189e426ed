"""The API of the next version writes entries that today's workers cannot read; they wait, and the next workers take them."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=22),
    faults=[between(3, 12, faults.Upgrades(first="api"))],
    acknowledgements="required",
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.terminations_are_clean,
        checkers.ingest_stays_available,
        checkers.backlog_drains(within_seconds=20),
    ],
)
