"""Nothing goes wrong: every promise is kept, and quickly."""

from harness import Scenario, checkers, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=20, for_seconds=15),
    must_hold=[
        *checkers.the_contract,
        checkers.ingest_stays_available,
        checkers.ingest_stays_fast(p95_ms=50),
        checkers.backlog_drains(within_seconds=20),
        checkers.nothing_is_kept_for_ever,
        checkers.a_trace_leads_from_post_to_mail,
    ],
)
