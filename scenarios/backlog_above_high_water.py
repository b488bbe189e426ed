"""Nobody works the queue off until it is full: what is refused is told when to come back, what was accepted is finished.

`async` has room for ten thousand events; `--system async_small` has for thirty, and has to refuse.
"""

from harness import Scenario, between, checkers, faults, traffic

burst = traffic.of_events([traffic.Posted(at_seconds=3 + number / 10, id=f"burst_{number:02}") for number in range(50)])
scenario = Scenario(
    traffic=traffic.steady(per_second=20, for_seconds=22) + burst,
    faults=[between(1, 12, faults.WorkersStop())],
    acknowledgements="required",
    for_acceptance=False,
    must_hold=[
        *checkers.the_contract,
        checkers.the_backlog_is_bounded,
        checkers.ingest_recovers(within_seconds=5),
        checkers.backlog_drains(within_seconds=20),
    ],
)
