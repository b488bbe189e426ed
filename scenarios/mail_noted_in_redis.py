"""A mail is sent when Postgres stops taking writes, and the worker that knows of it is killed: Redis knows of it too."""

from harness import Scenario, between, checkers, faults, mail, traffic, upon

scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=20),
    faults=[
        upon(mail(2, after_seconds=2), faults.PostgresIsReadOnly(), for_seconds=12),
        between(11, 12, faults.WorkerCrashes()),  # more than 5 s later: it excuses no second mail
    ],
    for_acceptance=False,  # found by `harness explore`, and kept
    must_hold=[
        *checkers.the_contract,
        checkers.backlog_drains(within_seconds=25),
    ],
)
