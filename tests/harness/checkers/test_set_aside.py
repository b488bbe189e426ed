"""What a checker says of findings that may be the machine's: word for word, and how much it had looked at by then."""

from __future__ import annotations

import pytest

from harness import checkers
from harness.faults import FLAG_COMMAND, FlagFlips, RedisCrashes
from harness.verdict import Checker
from tests.harness.story import OFFERS, Story, plan, said

DRAINS, RECOVERS = checkers.backlog_drains(within_seconds=20), checkers.ingest_recovers(within_seconds=5)
FOLLOWED = checkers.the_flag_is_followed(within_seconds=1.5)
CRASH, SEES = plan(RedisCrashes()), (*OFFERS, "flag")
NOISE = "while a bare stub beside the service was slow too, others took the processors, or a killed server came back far too late"


@pytest.mark.parametrize(
    ("checker", "story", "told", "checked"),
    [
        (
            checkers.ingest_stays_available,
            Story(world="real").posted("a", 5).refused("b", 10).probed(10, 1.0),
            "1 POSTs failed",
            2,
        ),
        (
            checkers.every_accepted_event_is_stored_once,
            Story(world="real").kept("a", 1).posted("b", 2).quiet().probed(95, 3.0),
            "1 events had no row, and nothing moved any more,",
            2,
        ),
        (
            checkers.every_accepted_event_is_mailed,
            Story(world="real").kept("a", 1).posted("b", 2).quiet().probed(95, 3.0),
            "1 events had no mail, and nothing moved any more,",
            2,
        ),
        (
            checkers.no_unexplained_second_mail,
            Story(world="real").mailed("a", 1).mailed("a", 4).mailed("b", 1).probed(3, 1.0),
            "1 second mails followed",
            2,
        ),
        (
            checkers.rate_limit_is_respected,
            Story(world="real").mailed("a", 1, http_status=429, resets_at_s=5.0).mailed("b", 2).probed(1.5, 0.5),
            "1 calls came too early",
            1,
        ),
        (DRAINS, Story(world="real").kept("a", 1).posted("b", 1).read("b", 30).quiet().probed(10, 1.0), "1 events were late", 2),
        (
            RECOVERS,
            Story(world="real", plan=CRASH).suffered("RedisCrashes", 5, 15).posted("a", 20).refused("b", 25).probed(25, 1.0),
            "1 POSTs were not answered with a promise",
            2,
        ),
        (
            checkers.processes_stay_up,
            Story(world="real").process("api-0", "not restarted", 50).probed(40, 4.0),
            "1 processes were not ready again in time",
            4,
        ),
        (
            checkers.terminations_are_clean,
            Story(world="real").process("api-0", "terminated", 5).process("api-0", "exited", 20, exit_code=0).probed(10, 2.0),
            "1 processes took too long to stop",
            1,
        ),
        (
            checkers.a_promise_is_readable_at_once,
            Story(world="real").posted("a", 1).read("a", 2).read("a", 3, None, http_status=503).probed(3, 1.0),
            "1 status reads were not answered",
            1,
        ),
        (
            checkers.every_status_becomes_final,
            Story(world="real").kept("a", 1).posted("b", 1).read("b", 2, "pending").quiet().probed(95, 3.0),
            "1 events were unfinished, and nothing moved any more,",
            2,
        ),
        (
            FOLLOWED,
            Story(world="real", offers=SEES, plan=plan(FlagFlips(0)))
            .process(FLAG_COMMAND, "started", 5)
            .process(FLAG_COMMAND, "exited", 6, exit_code=0)
            .suffered("FlagFlips", 5, 15)
            .posted("a", 9)
            .probed(9, 1.0),
            "1 events were taken the wrong way",
            1,
        ),
    ],
)
def test_what_may_be_the_machines_is_set_aside_and_counted(checker: Checker, story: Story, told: str, checked: int) -> None:
    verdict = story.judged_by(checker)
    assert (said(verdict), verdict.checked) == (f"unknown; {told} {NOISE}: this machine was too busy to tell", checked)
    assert verdict.noisy
