"""One trial: events, faults and a seed, as a value; and what must hold of it, whatever was drawn.

A trial becomes a scenario (`scenario_of`), and a scenario file (`handing_over.py`). The seed also draws what the plan leaves
open: latencies, jitter, victims.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness import checkers, traffic
from harness.checkers.promises import KILLS
from harness.faults import At, ClockJumps, Deploys, FlagFlips, Planned, SendGridRateLimits, Upgrades, WorkersStop, between
from harness.scenario import Scenario
from harness.systems import System
from harness.traffic import Posted
from harness.verdict import Checker

NAME = "explored"
INGEST_RECOVERS_WITHIN_SECONDS = 5.0
HEALS_WITHIN_SECONDS = 10.0  # how much longer than planned a fault may last: processes start again, a deploy goes on
FLAG_IS_FOLLOWED_WITHIN_SECONDS = 1.0
MARGIN_SECONDS = 5.0  # between the last thing the claims allow to wait for and a backlog that is late


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is tried."""

    posted: tuple[Posted, ...]
    plan: tuple[Planned, ...]
    seed: int

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its faults, in order of name."""
        return tuple(sorted(type(planned.fault).__name__ for planned in self.plan))

    @property
    def latest_end_seconds(self) -> float | None:
        """When its last fault has healed for certain, in seconds since the traffic began; None if nobody can say beforehand."""
        ends = [planned.latest_end_seconds for planned in self.plan]
        return None if None in ends else max((end for end in ends if end is not None), default=0.0) + HEALS_WITHIN_SECONDS


def scenario_of(trial: Trial, system: System) -> Scenario:
    """The scenario of a trial; its name is that of no file."""
    return Scenario(
        name=NAME,
        story="A plan that was drawn.",
        traffic=traffic.of_events(trial.posted),
        faults=tuple(as_written(planned) for planned in trial.plan),
        must_hold=tuple(demands(trial, system)),
    )


def as_written(planned: Planned) -> Planned:
    """The same fault as a scenario file writes it: between two times in milliseconds."""
    if not isinstance(planned.trigger, At):
        return planned
    begin_s = planned.trigger.seconds
    return between(begin_s, round(begin_s + planned.lasts_seconds, 3), planned.fault)


def demands(trial: Trial, system: System) -> Iterator[Checker]:
    """What must hold of any plan: the contract, a backlog that drains, and what the plan itself gives reason to ask."""
    claims = system.claims
    yield from (checker for checker in checkers.the_contract if checker not in _not_kept(trial.plan, system))
    yield checkers.backlog_drains(within_seconds=claims.longest_pause_seconds + (claims.reclaim_seconds or 0.0) + MARGIN_SECONDS)
    contents = {posted.content for posted in trial.posted}
    if {"usual", "changed"} <= contents:
        yield checkers.a_changed_payload_is_refused
    if _is_asked_after_the_last_fault(trial):
        yield checkers.ingest_recovers(within_seconds=INGEST_RECOVERS_WITHIN_SECONDS)
    yield from _demands_of(trial.plan)
    others = {type(planned.fault).needs for planned in trial.plan if not isinstance(planned.fault, FlagFlips)}
    # Who stands still, or cannot reach Redis, cannot know that the flag was turned.
    if not others & {"api", "redis"} and any(_is_seen_to_turn(planned, trial.posted) for planned in trial.plan):
        yield checkers.the_flag_is_followed(within_seconds=FLAG_IS_FOLLOWED_WITHIN_SECONDS)


def turns_the_flag_without_redis(plan: Sequence[Planned]) -> bool:
    """Whether Redis may be away while the synchronous path works beside a queue that nobody can look into.

    No service can know then what was accepted and is not stored yet: it may accept it once more, and of two payloads under one
    pair it keeps the one it can see. The reference says so (docs/rollback.md); it still stores and mails it once.
    """
    kinds = {type(planned.fault) for planned in plan}
    return FlagFlips in kinds and any(kind.needs == "redis" for kind in kinds)


def mails_without_a_record(plan: Sequence[Planned], system: System) -> bool:
    """Whether a database that takes no writes is all there is to note a sent mail in.

    A service that mails before it answers can only insist then; the retry that comes to another process after the lease sends
    the mail again. Crashes and long freezes of the database explain that very mail, and stay judged (contract.md).
    """
    kinds = {type(planned.fault) for planned in plan}
    answers_last = system.worker is None or FlagFlips in kinds
    return answers_last and any(kind.needs == "postgres" and not kind.__name__.endswith(KILLS) for kind in kinds)


def has_nowhere_to_note(plan: Sequence[Planned]) -> bool:
    """Whether a status may be shown from the database while Redis is away, and Redis be back behind it while the database is.

    The one that showed it can note it nowhere; until a worker has told Redis, another process shows what Redis knows.
    """
    return {"redis", "postgres"} <= {type(planned.fault).needs for planned in plan}


def _not_kept(plan: Sequence[Planned], system: System) -> Sequence[Checker]:
    apart = (checkers.one_acceptance_per_pair, checkers.duplicates_point_to_their_event)  # what one path cannot know of the other
    if_so = (
        (turns_the_flag_without_redis(plan), apart),
        (mails_without_a_record(plan, system), (checkers.no_unexplained_second_mail,)),
        (has_nowhere_to_note(plan), (checkers.status_never_goes_back,)),
    )
    return [checker for is_so, left_out in if_so if is_so for checker in left_out]


def _demands_of(plan: Sequence[Planned]) -> Iterator[Checker]:
    kinds = {type(planned.fault) for planned in plan}
    if kinds & {Deploys, Upgrades, WorkersStop}:
        yield checkers.terminations_are_clean
    told = any(isinstance(planned.fault, SendGridRateLimits) and planned.fault.tells == "reset-time" for planned in plan)
    if told and ClockJumps not in kinds:  # it is told by a clock time, which a process whose clock is wrong cannot keep
        yield checkers.rate_limit_is_respected


def _is_seen_to_turn(planned: Planned, posted: Sequence[Posted]) -> bool:
    """Whether events come while a flag stands for certain: else nobody can say whether it is followed."""
    if not isinstance(planned.fault, FlagFlips) or not isinstance(planned.trigger, At):
        return False
    begin_s = planned.trigger.seconds + 2 * FLAG_IS_FOLLOWED_WITHIN_SECONDS
    return any(begin_s < one.at_seconds < begin_s + planned.lasts_seconds - 2 * FLAG_IS_FOLLOWED_WITHIN_SECONDS for one in posted)


def _is_asked_after_the_last_fault(trial: Trial) -> bool:
    end_s = trial.latest_end_seconds
    if not trial.plan or end_s is None or not trial.posted:
        return False
    return max(posted.at_seconds for posted in trial.posted) >= end_s + INGEST_RECOVERS_WITHIN_SECONDS
