"""Recovery: the provider is spared while it is down, the backlog drains in time, processes stop cleanly. Next: evidence.py."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from harness.checkers.noise import is_doubtful, stalls, weighed
from harness.checkers.promises import (
    FINAL_STATUSES,
    Sighting,
    due_mails,
    first_stored_s,
    last_fault_end_s,
    mails_taken,
    planned_fault,
    sightings,
    starts,
    working_role,
)
from harness.history import Call, History, Lifecycle, Pair, Suffered
from harness.verdict import Verdict, Violation, checker, judged, not_applicable, parameterised, unknown

DUE_PER_ALLOWED_CALL = 3  # with fewer mails due, a service without a breaker would stay below the limit as well
STOPS_CALLING_WITHIN_SECONDS = 0.25
STOPS_WITHIN_SECONDS = 10.0
TOLD_TO_STOP = ("terminated", "terminating")  # both words are in use for "was told to stop"


@checker("sendgrid", "mails", "claims.breaker_failures", "claims.breaker_reset_seconds", "claims.breaker_trials")
def provider_is_spared(history: History) -> Verdict:
    """While the provider is down, it gets no more calls than the claimed breaker lets through."""
    outages = [fault for fault in history.of(Suffered) if _is_outage(history, fault)]
    if not outages:
        return unknown("the provider was never down")
    violations, checked = [], 0
    for outage in outages:
        calls = sum(outage.begin_s <= call.begin_s <= outage.end_s for call in history.of(Call))
        allowed = _allowed_calls(history, outage)
        if calls > allowed:
            what = f"{calls} calls reached the provider while it was down ({outage.begin_s:.1f} to {outage.end_s:.1f} s)"
            violations.append(Violation(f"{what}; its claimed breaker allows {allowed}"))
        due = _due_during(history, outage)
        checked += due if due >= DUE_PER_ALLOWED_CALL * allowed else 0
    if not violations and not checked:
        return not_applicable(f"too few mails were due during the outage to tell: under {DUE_PER_ALLOWED_CALL} per allowed call")
    return judged(checked=checked, violations=violations)


@checker("sendgrid")
def rate_limit_is_respected(history: History) -> Verdict:
    """A process that was told when the rate limit resets makes no call before."""
    limited = [call for call in history.of(Call) if call.resets_at_s is not None and not call.reply_lost]
    violations = [
        Violation(
            f"{call.process} was told at {answer.end_s:.3f} s that the rate limit resets at {answer.resets_at_s:.3f} s, "
            f"and called again at {call.begin_s:.3f} s",
            call.pair,
        )
        for call in history.of(Call)
        if (answer := _forbids(history, limited, call))
    ]
    return judged(checked=len(limited), violations=violations, nothing="no call met the rate limit")


@parameterised()
def backlog_drains(history: History, *, within_seconds: float) -> Verdict:
    """Every accepted event is finished within {within_seconds} s of its acceptance or of the last fault's end."""
    promised, shown, done_s = history.promised, sightings(history), _delivered_s(history)
    healed_s, violations, undecided = last_fault_end_s(history), [], 0
    stalled, set_aside = stalls(history), 0
    for pair, promise in promised.items():
        deadline_s = max(healed_s, promise.end_s) + within_seconds
        late = _lateness(shown.get(pair, []), done_s.get(pair, math.inf), deadline_s)
        if late and done_s.get(pair, math.inf) == math.inf and not shown.get(pair) and not history.is_quiet:
            undecided += 1
        elif late and is_doubtful(stalled, deadline_s - within_seconds, deadline_s):
            set_aside += 1
        elif late:
            violations.append(Violation(f"{pair} should have been finished by {deadline_s:.3f} s: {late}", pair))
    if undecided and not violations:
        return unknown(f"of {undecided} events nothing was seen before the run was cut off", checked=len(promised))
    verdict = judged(checked=len(promised), violations=violations, nothing="no event was accepted")
    return weighed(verdict, set_aside=set_aside, what="events were late")


@checker()
def terminations_are_clean(history: History) -> Verdict:
    """A process that is told to stop exits with code 0 within 10 s."""
    entries = history.of(Lifecycle)
    told = {entry: _exit_after(entries[number:]) for number, entry in enumerate(entries) if entry.what in TOLD_TO_STOP}
    violations = [
        Violation(f"{entry.process} was told to stop at {entry.at_s:.3f} s and {wrong}")
        for entry, exit_ in told.items()
        if (wrong := _what_is_unclean(entry, exit_, is_over=history.rest is not None))
    ]
    if not violations and any(exit_ is None for exit_ in told.values()):
        return unknown("the history is cut off before every process that was told to stop exits", checked=len(told))
    return judged(checked=len(told), violations=violations, nothing="no process was told to stop")


def _is_outage(history: History, fault: Suffered) -> bool:
    status = planned_fault(history, fault).get("settings", {}).get("status", 0)
    return fault.name == "SendGridAnswers" and status >= 500


def _allowed_calls(history: History, outage: Suffered) -> int:
    """Workers x (failures + trials x resets); a worker started meanwhile begins with a breaker of its own."""
    claims, role = history.header.claims, working_role(history)
    workers = history.header.processes.get(role, 1) + starts(history, role, after_s=outage.begin_s, until_s=outage.end_s)
    resets = math.ceil((outage.end_s - outage.begin_s) / claims["breaker_reset_seconds"])
    return int(workers * (claims["breaker_failures"] + claims["breaker_trials"] * resets))


def _due_during(history: History, outage: Suffered) -> int:
    """How many mails waited to be sent at some moment of the outage."""
    taken = mails_taken(history)
    return sum(
        promise.end_s <= outage.end_s and not (pair in taken and taken[pair][0].begin_s < outage.begin_s)
        for pair, promise in due_mails(history).items()
    )


def _forbids(history: History, limited: list[Call], call: Call) -> Call | None:
    """The answer that told this call's process to wait for longer, if there is one and the process still knew it."""
    for answer in limited:
        told_s, reset_s = answer.end_s, answer.resets_at_s or 0.0
        is_early = answer.process == call.process and told_s + STOPS_CALLING_WITHIN_SECONDS < call.begin_s < reset_s
        if is_early and not starts(history, call.process, after_s=told_s, until_s=call.begin_s):
            return answer
    return None


def _delivered_s(history: History) -> Mapping[Pair, float]:
    """When each promised event had its row and, if due, its mail, as far as both were seen."""
    stored_s, mails, judges_mails = first_stored_s(history), mails_taken(history), "mails" in history.header.offers
    delivered: dict[Pair, float] = {}
    for pair, promise in history.promised.items():
        mail_s = mails[pair][0].end_s if pair in mails else math.inf
        delivered[pair] = max(stored_s.get(pair, math.inf), mail_s if promise.wants_mail and judges_mails else 0.0)
    return delivered


def _lateness(shown: list[Sighting], done_s: float, deadline_s: float) -> str:
    """How an event missed its deadline; empty if it did not.

    Clients look now and then: an event first seen finished after the deadline may have been finished before it. Then what
    counts is whether a read *begun* after the deadline still showed it unfinished, and else when row and mail were there.
    """
    finished_s = min((sighting.end_s for sighting in shown if sighting.status in FINAL_STATUSES), default=math.inf)
    if finished_s <= deadline_s:
        return ""
    for sighting in shown:
        if sighting.begin_s > deadline_s and sighting.status not in FINAL_STATUSES:
            return f"it was still {sighting.status} at {sighting.begin_s:.3f} s"
    if done_s <= deadline_s:
        return ""
    seen_s = min(finished_s, done_s)
    return "it never was" if seen_s == math.inf else f"it was at {seen_s:.3f} s"


def _exit_after(entries: Sequence[Lifecycle]) -> Lifecycle | None:
    """What ended the process of the first entry: its exit, or the kill that did not wait for one."""
    told, *later = entries
    return next((entry for entry in later if entry.process == told.process and entry.what in ("exited", "killed")), None)


def _what_is_unclean(told: Lifecycle, end: Lifecycle | None, *, is_over: bool) -> str:
    if end is None:
        return "never exited" if is_over else ""
    took_s = end.took_s if end.took_s is not None else round(end.at_s - told.at_s, 6)
    if end.what == "killed":
        return f"had to be killed after {took_s:.1f} s"
    if end.exit_code != 0:
        return f"exited with code {end.exit_code} after {took_s:.1f} s; expected 0"
    return f"took {took_s:.1f} s; expected at most {STOPS_WITHIN_SECONDS:g} s" if took_s > STOPS_WITHIN_SECONDS else ""
