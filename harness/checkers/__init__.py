"""Checkers: pure functions of a history, one file a subject. A scenario names the ones that must hold.

    answers       every answer has the words and fields of the contract
    delivery      stored exactly once, nothing invented
    mail          mailed, and again only where something explains it
    interruptions what explains a second mail
    idempotency   one acceptance per event, duplicates that point to it
    status        readable at once, never going back, never saying more than was done
    availability  fast, available, honest refusals
    recovery      provider spared, backlog drained, ingest back, processes up, clean terminations
    visibility    queue depth and traces: what an operator can see
    rollback      a turned flag is followed
    overload      refused is what is beyond the claimed room
    retention     what is finished is forgotten
    losses        what a loss beyond the claims excuses, and what it does not
    evidence      whether the run proves anything: judged always
    convictions   what an earlier rest of the same run found stands
    noise         how slow the machine itself was, so that a service is not convicted of it

`the_contract` is what every service that answers 202 promises, in every scenario. `promises` holds the words they share.
The smallest checker to copy is `idempotency.one_acceptance_per_pair`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from harness.checkers.answers import answers_follow_the_contract
from harness.checkers.availability import errors_are_problems, ingest_stays_available, ingest_stays_fast, refusals_are_honest
from harness.checkers.convictions import convicted, upheld
from harness.checkers.delivery import every_accepted_event_is_stored_once, nothing_is_invented
from harness.checkers.evidence import acknowledgements_fell_inside_the_fault, every_fault_bit, world_came_to_rest
from harness.checkers.idempotency import a_changed_payload_is_refused, duplicates_point_to_their_event, one_acceptance_per_pair
from harness.checkers.losses import what_is_lost_is_not_called_done
from harness.checkers.mail import every_accepted_event_is_mailed, no_unexplained_second_mail
from harness.checkers.overload import the_backlog_is_bounded
from harness.checkers.recovery import (
    backlog_drains,
    ingest_recovers,
    processes_stay_up,
    provider_is_spared,
    rate_limit_is_respected,
    terminations_are_clean,
)
from harness.checkers.retention import nothing_is_kept_for_ever
from harness.checkers.rollback import the_flag_is_followed
from harness.checkers.status import (
    a_promise_is_readable_at_once,
    completed_means_done,
    every_status_becomes_final,
    failed_is_justified,
    status_never_goes_back,
)
from harness.checkers.visibility import a_trace_leads_from_post_to_mail, queue_depth_shows_the_backlog
from harness.history import History
from harness.usage import UsageError, nearest
from harness.verdict import Checker, Parameterised, Ruling, Verdict, worst

the_contract: tuple[Checker, ...] = (
    every_accepted_event_is_stored_once,
    nothing_is_invented,
    every_accepted_event_is_mailed,
    no_unexplained_second_mail,
    one_acceptance_per_pair,
    duplicates_point_to_their_event,
    a_promise_is_readable_at_once,
    status_never_goes_back,
    every_status_becomes_final,
    completed_means_done,
    failed_is_justified,
    refusals_are_honest,
    errors_are_problems,
    answers_follow_the_contract,
    processes_stay_up,
)
ALWAYS_JUDGED: tuple[Checker, ...] = (every_fault_bit, world_came_to_rest, acknowledgements_fell_inside_the_fault)
_EVERY: tuple[Checker | Parameterised, ...] = (
    *the_contract,
    a_changed_payload_is_refused,
    ingest_stays_available,
    ingest_stays_fast,
    ingest_recovers,
    the_backlog_is_bounded,
    nothing_is_kept_for_ever,
    provider_is_spared,
    rate_limit_is_respected,
    backlog_drains,
    terminations_are_clean,
    queue_depth_shows_the_backlog,
    a_trace_leads_from_post_to_mail,
    the_flag_is_followed,
    what_is_lost_is_not_called_done,
    *ALWAYS_JUDGED,
)
CHECKERS: Mapping[str, Checker | Parameterised] = {known.name: known for known in _EVERY}


def by_name(name: str, arguments: Mapping[str, Any]) -> Checker:
    """The checker a history's header names. Raises UsageError for a name or an argument nobody knows."""
    known = CHECKERS.get(name)
    if known is None:
        raise UsageError(f"There is no checker '{name}'. {nearest(name, CHECKERS)}")
    wanted = _parameters(known)
    for given in arguments:
        if given not in wanted:
            hint = nearest(given, wanted) if wanted else "It takes none."
            raise UsageError(f"The checker {name} takes no argument '{given}'. {hint}")
    for parameter in wanted:
        if parameter not in arguments:
            raise UsageError(f"The checker {name} needs a number for '{parameter}': {name}({parameter}=...).")
    return known(**arguments) if isinstance(known, Parameterised) else known


def stories() -> dict[str, str]:
    """Every checker's claim by its name; arguments are written N."""
    return {known.name: known.claim.format_map(dict.fromkeys(_parameters(known), "N")) for known in _EVERY}


def judge(history: History) -> list[Verdict]:
    """What every checker says that the scenario named, and then those that are judged always; earlier convictions stand."""
    named = [by_name(item["checker"], item.get("arguments", {})) for item in history.header.must_hold]
    also = [always for always in ALWAYS_JUDGED if always.name not in {known.name for known in named}]
    return upheld(history.header, [judge_one(history) for judge_one in (*named, *also)])


def ruling(verdicts: Iterable[Verdict]) -> Ruling:
    """One ruling of several verdicts: the worst of them, the one place that decides.

    Evidence may only lower it: where nothing the scenario names was left to judge, nothing was shown, however well it bit.
    """
    verdicts, evidence = list(verdicts), {always.name for always in ALWAYS_JUDGED}
    if worst(verdict.ruling for verdict in verdicts if verdict.checker not in evidence) is Ruling.NOT_APPLICABLE:
        return Ruling.NOT_APPLICABLE
    return worst(verdict.ruling for verdict in verdicts)


def _parameters(known: Checker | Parameterised) -> list[str]:
    """The names of a checker's arguments."""
    if isinstance(known, Checker):
        return []
    return [name for name in inspect.signature(known.function).parameters if name != "history"]


__all__ = [
    "ALWAYS_JUDGED",
    "CHECKERS",
    "a_changed_payload_is_refused",
    "a_promise_is_readable_at_once",
    "a_trace_leads_from_post_to_mail",
    "acknowledgements_fell_inside_the_fault",
    "answers_follow_the_contract",
    "backlog_drains",
    "by_name",
    "completed_means_done",
    "convicted",
    "duplicates_point_to_their_event",
    "errors_are_problems",
    "every_accepted_event_is_mailed",
    "every_accepted_event_is_stored_once",
    "every_fault_bit",
    "every_status_becomes_final",
    "failed_is_justified",
    "ingest_recovers",
    "ingest_stays_available",
    "ingest_stays_fast",
    "judge",
    "no_unexplained_second_mail",
    "nothing_is_invented",
    "nothing_is_kept_for_ever",
    "one_acceptance_per_pair",
    "processes_stay_up",
    "provider_is_spared",
    "queue_depth_shows_the_backlog",
    "rate_limit_is_respected",
    "refusals_are_honest",
    "ruling",
    "status_never_goes_back",
    "stories",
    "terminations_are_clean",
    "the_backlog_is_bounded",
    "the_contract",
    "the_flag_is_followed",
    "what_is_lost_is_not_called_done",
    "world_came_to_rest",
]
