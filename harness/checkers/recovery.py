"""Recovery: the provider is spared, the backlog drains and ingest accepts again in time, processes stay up. Next: evidence.py."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from harness.checkers.losses import lost_beyond_claims
from harness.checkers.noise import Stall, is_doubtful, not_held_up, stalled_seconds, stalls, weighed
from harness.checkers.promises import (
    FINAL_STATUSES,
    Sighting,
    due_mails,
    fault_windows,
    first_stored_s,
    is_cut_off,
    is_rightly_refused,
    last_fault_end_s,
    mails_are_told_apart,
    mails_taken,
    planned_fault,
    role_of,
    setting,
    sightings,
    starts,
    why_no_mail_is_told_apart,
    working_roles,
)
from harness.history import Call, History, Lifecycle, Pair, Post, Suffered
from harness.verdict import Verdict, Violation, checker, judged, not_applicable, parameterised, unknown

DUE_PER_ALLOWED_CALL = 3  # with fewer mails due, a service without a breaker would stay below the limit as well
STOPS_CALLING_WITHIN_SECONDS = 0.25
STOPS_WITHIN_SECONDS = 10.0
STARTS_WITHIN_SECONDS = 30.0  # what a process is given until it is ready
TOLD_TO_STOP = ("terminated", "terminating")  # both words are in use for "was told to stop"
TURNS = "FlagFlips"
BY_ITSELF = "by itself"  # how the detail of an exit begins that nobody asked for


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
    if not violations and (why := why_no_mail_is_told_apart(history)):
        return unknown(why)
    if not violations and not checked:
        return not_applicable(f"too few mails were due during the outage to tell: under {DUE_PER_ALLOWED_CALL} per allowed call")
    return judged(checked=checked, violations=violations)


@checker("sendgrid")
def rate_limit_is_respected(history: History) -> Verdict:
    """A process that was told when the rate limit resets makes no call before."""
    limited = [call for call in history.of(Call) if call.resets_at_s is not None and not call.reply_lost]
    early = [(call, answer) for call in history.of(Call) if (answer := _forbids(history, limited, call))]
    stalled = stalls(history)
    certain = [(call, answer) for call, answer in early if not _may_not_have_heard(stalled, answer, call)]
    violations = [
        Violation(
            f"{call.process} was told at {answer.end_s:.3f} s that the rate limit resets at {answer.resets_at_s:.3f} s, "
            f"and called again at {call.begin_s:.3f} s",
            call.pair,
        )
        for call, answer in certain
    ]
    verdict = judged(checked=len(limited), violations=violations, nothing="no call met the rate limit")
    return weighed(verdict, set_aside=len(early) - len(certain), what="calls came too early")


@parameterised()
def backlog_drains(history: History, *, within_seconds: float) -> Verdict:
    """Every accepted event is finished within {within_seconds} s of its acceptance or of the last fault's end.

    A turned flag is no such fault: what the queue has taken is finished while it says that nothing more goes there.
    """
    promised, shown, done_s = history.promised, sightings(history), _delivered_s(history)
    healed_s, violations, undecided = last_fault_end_s(history, but=TURNS), [], 0
    stalled, set_aside, until_s = stalls(history), 0, _judged_until_s(history)
    lost = lost_beyond_claims(history)
    for pair, promise in promised.items():
        if pair in lost:
            continue
        deadline_s = max(healed_s, promise.end_s) + within_seconds
        late = _lateness(shown.get(pair, []), done_s[pair], deadline_s)
        unseen = done_s[pair] == math.inf and not shown.get(pair) and not history.is_quiet
        if late and (unseen or deadline_s > until_s):
            undecided += 1
        elif late and is_doubtful(stalled, deadline_s - within_seconds, deadline_s):
            set_aside += 1
        elif late:
            violations.append(Violation(f"{pair} should have been finished by {deadline_s:.3f} s: {late}", pair))
    if undecided and not violations:
        return unknown(f"of {undecided} events too little was seen before the run was cut off", checked=len(promised))
    verdict = judged(checked=len(promised), violations=violations, nothing="no event was accepted")
    return weighed(verdict, set_aside=set_aside, what="events were late")


@parameterised()
def ingest_recovers(history: History, *, within_seconds: float) -> Verdict:
    """Ingest accepts again: a POST begun {within_seconds} s or more after the last fault's end is answered with a promise."""
    if not history.header.plan:
        return not_applicable("no fault was planned")
    healed_s = max((window.end_s for window in fault_windows(history)), default=math.inf)
    if healed_s == math.inf:
        return unknown("nobody knows when the last fault ended")
    posts = history.by_pair(Post)
    late = [post for posts_of_pair in posts.values() for post in posts_of_pair if post.begin_s >= healed_s + within_seconds]
    failed = [post for post in late if not post.promises and not is_rightly_refused(post, posts[post.pair])]
    # Nobody recovers from a stall of the machine faster than from a fault.
    certain = not_held_up(history, failed, lead_s=within_seconds)
    violations = [
        Violation(
            f"{post.pair}: the POST at {post.begin_s:.3f} s, {post.begin_s - healed_s:.1f} s after the last fault, was answered "
            f"{post.http_status or post.error or 'nothing'}; expected a promise",
            post.pair,
        )
        for post in certain
    ]
    nothing = f"no POST began {within_seconds:g} s or more after the last fault's end ({healed_s:.1f} s)"
    verdict = judged(checked=len(late), violations=violations, nothing=nothing)
    return weighed(verdict, set_aside=len(failed) - len(certain), what="POSTs were not answered with a promise")


@checker()
def processes_stay_up(history: History) -> Verdict:
    """No process of the service ends by itself, whatever else fails, and each can be started again."""
    processes = history.header.processes
    fell = [entry for entry in history.of(Lifecycle) if role_of(entry.process) in processes and _fell(entry)]
    stalled = stalls(history)
    certain = [entry for entry in fell if not _may_have_been_held_up(stalled, entry)]
    violations = [Violation(f"{entry.process} {_fell(entry)} at {entry.at_s:.3f} s{_in_detail(entry)}") for entry in certain]
    checked = sum(processes.values()) if history.entries else 0
    verdict = judged(checked=checked, violations=violations, nothing="nothing was recorded of any process")
    return weighed(verdict, set_aside=len(fell) - len(certain), what="processes were not ready again in time")


@checker()
def terminations_are_clean(history: History) -> Verdict:
    """A process that is told to stop exits with code 0 within 10 s."""
    entries = history.of(Lifecycle)
    told = {entry: _exit_after(entries[number:]) for number, entry in enumerate(entries) if entry.what in TOLD_TO_STOP}
    told = {entry: exit_ for entry, exit_ in told.items() if not _was_kept_from_it(entries, entry, exit_)}
    wrong = {entry: _what_is_unclean(entry, exit_, is_over=history.rest is not None) for entry, exit_ in told.items()}
    stalled = stalls(history)
    held_up = [entry for entry, exit_ in told.items() if wrong[entry] and _was_late_beside_noise(stalled, entry, exit_)]
    violations = [
        Violation(f"{entry.process} was told to stop at {entry.at_s:.3f} s and {what}")
        for entry, what in wrong.items()
        if what and entry not in held_up
    ]
    if not violations and any(exit_ is None for exit_ in told.values()):
        return unknown("the history is cut off before every process that was told to stop exits", checked=len(told))
    verdict = judged(checked=len(told), violations=violations, nothing="no process was told to stop")
    return weighed(verdict, set_aside=len(held_up), what="processes took too long to stop")


def _may_not_have_heard(stalled: Sequence[Stall], answer: Call, call: Call) -> bool:
    """Whether the machine left the process no time to hear the answer before it called again."""
    waited_s = call.begin_s - answer.end_s
    return bool(stalled) and waited_s - stalled_seconds(stalled, answer.end_s, call.begin_s) <= STOPS_CALLING_WITHIN_SECONDS


def _may_have_been_held_up(stalled: Sequence[Stall], entry: Lifecycle) -> bool:
    """Only a start can be late; who ends by itself has ended."""
    return entry.what == "not restarted" and is_doubtful(stalled, entry.at_s - STARTS_WITHIN_SECONDS, entry.at_s)


def _was_late_beside_noise(stalled: Sequence[Stall], told: Lifecycle, end: Lifecycle | None) -> bool:
    """Whether it stopped too late, which may be the machine's; a wrong exit code in good time is not."""
    return end is not None and _took_s(told, end) > STOPS_WITHIN_SECONDS and is_doubtful(stalled, told.at_s, end.at_s)


def _was_kept_from_it(entries: Sequence[Lifecycle], told: Lifecycle, end: Lifecycle | None) -> bool:
    """Whether a fault killed it before its time to stop was over, or froze it: nobody knows what it would have done."""
    if end is None:
        return False
    frozen_s = {"frozen": -math.inf, "resumed": -math.inf} | {
        entry.what: entry.at_s for entry in entries if entry.process == told.process and entry.at_s <= end.at_s
    }
    was_frozen = frozen_s["frozen"] > frozen_s["resumed"] or frozen_s["resumed"] >= told.at_s
    return was_frozen or (end.what == "killed" and _took_s(told, end) < STOPS_WITHIN_SECONDS)


def _took_s(told: Lifecycle, end: Lifecycle) -> float:
    return end.took_s if end.took_s is not None else round(end.at_s - told.at_s, 6)


def _judged_until_s(history: History) -> float:
    """Up to when lateness can be told: where the end is missing not beyond the last entry, and not while a fault may last."""
    if not is_cut_off(history):
        return math.inf
    under_way = any(window.end_s == math.inf for window in fault_windows(history))
    return -math.inf if under_way else history.last_s


def _fell(entry: Lifecycle) -> str:
    """How a process was lost that nobody had taken down; empty if it was not."""
    if entry.what == "exited" and entry.detail.startswith(BY_ITSELF):
        return f"ended by itself (exit code {entry.exit_code})"
    return "could not be started again" if entry.what == "not restarted" else ""


def _in_detail(entry: Lifecycle) -> str:
    detail = entry.detail.removeprefix(BY_ITSELF).lstrip(": ")
    return f": {detail}" if detail else ""


def _is_outage(history: History, fault: Suffered) -> bool:
    return fault.name == "SendGridAnswers" and (setting(planned_fault(history, fault), "status") or 0) >= 500


def _allowed_calls(history: History, outage: Suffered) -> int:
    """Workers x (failures + trials x resets); a worker started meanwhile begins with a breaker of its own."""
    claims, processes = history.header.claims, history.header.processes
    workers = sum(
        processes.get(role, 1) + starts(history, role, after_s=outage.begin_s, until_s=outage.end_s)
        for role in working_roles(history)
    )
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
    lives = [entry for entry in history.of(Lifecycle) if entry.process == call.process and entry.at_s <= call.begin_s]
    woke_s = [entry.at_s for entry in lives if entry.what == "resumed"]
    for answer in limited:
        # A frozen process reads what it was told when it wakes.
        told_s, reset_s = max([answer.end_s, *woke_s]), answer.resets_at_s or 0.0
        is_early = answer.process == call.process and told_s + STOPS_CALLING_WITHIN_SECONDS < call.begin_s < reset_s
        if is_early and not starts(history, call.process, after_s=told_s, until_s=call.begin_s):
            return answer
    return None


def _delivered_s(history: History) -> Mapping[Pair, float]:
    """When each promised event had its row and, if due, its mail, as far as both were seen."""
    stored_s, mails, judges_mails = first_stored_s(history), mails_taken(history), mails_are_told_apart(history)
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
    failed = [sighting.end_s for sighting in shown if sighting.status == "failed"]
    if done_s <= deadline_s or (failed and done_s == math.inf):  # what failed leaves nothing but its status to tell when
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
    took_s = _took_s(told, end)
    if end.what == "killed":
        return f"had to be killed after {took_s:.1f} s"
    if end.exit_code != 0:
        return f"exited with code {end.exit_code} after {took_s:.1f} s; expected 0"
    return f"took {took_s:.1f} s; expected at most {STOPS_WITHIN_SECONDS:g} s" if took_s > STOPS_WITHIN_SECONDS else ""
