"""Mail: every promised mail is taken by the provider, and a second one is sent only where something explains that very mail.

Mail is at-least-once, for the provider knows no idempotency key. What explains a second mail:

- The reply to the mail before it was lost. One lost reply explains one more mail, not a third.
- An interruption: a crash, or a freeze longer than `claims.reclaim_seconds`, with evidence, of a process that does the work,
  of Redis or of Postgres. It began at most 5 s after an earlier mail of that event was taken, or was already going on then
  (see below), and before any client saw the event completed. One interruption explains one more mail of an event, and only
  until `claims.reclaim_seconds + claims.longest_pause_seconds` after its end, or after the end of any other fault of that time:
  by then the event was taken up again.

An interruption already going on counts because of what happens in one. Bytes already written when a worker dies reach the
provider after its death; a server that is down cannot keep the record of a mail sent meanwhile; a frozen worker wakes (up to
5 s ago) behind the back of the one that took its event over and finishes what it had begun. Leaving these out would convict
services that did nothing wrong.

A stall of the machine convicts nobody: a second mail that it may have led to, as an interruption would have, is set aside.

A worker explains only what it had a hand in: one that crashed must have sent the earlier mail, one that froze either of the
two. Redis and Postgres keep the record of every mail, so they explain any.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from harness.checkers.losses import lost_beyond_claims
from harness.checkers.noise import LONGEST_PAUSE_SECONDS, Stall, is_doubtful, rest_is_doubtful, stalls, weighed
from harness.checkers.promises import (
    KILLS,
    due_mails,
    excused,
    fault_windows,
    first_shown,
    in_words,
    mails_taken,
    role_of,
    sightings,
    why_no_mail_is_told_apart,
    working_role,
)
from harness.history import Call, History, Lifecycle, Pair, Suffered
from harness.verdict import Verdict, Violation, checker, judged, unknown

EXPLAINS_WITHIN_SECONDS = 5.0
LAST_BYTES_SECONDS = 0.25
SERVERS = ("redis", "postgres")
NO_CLAIM = "whether it explains them is told by claims.reclaim_seconds, which the system file lacks"


@checker("mails")
def every_accepted_event_is_mailed(history: History) -> Verdict:
    """Every accepted event that asked for a mail was mailed, or failed justifiably."""
    due, taken, excuses = due_mails(history), mails_taken(history), excused(history) | lost_beyond_claims(history)
    missing = [pair for pair in due if pair not in taken and pair not in excuses]
    if why := why_no_mail_is_told_apart(history):
        return unknown(why, checked=len(due))
    if not history.is_quiet:
        return unknown(f"the world was still moving; {len(missing)} of {len(due)} mails were missing yet", checked=len(due))
    lost = [Violation(f"{pair} was {in_words(due[pair])} and its mail was never taken: it is lost", pair) for pair in missing]
    if lost and rest_is_doubtful(history):
        return weighed(judged(checked=len(due)), set_aside=len(lost), what="events had no mail, and nothing moved any more,")
    return judged(checked=len(due), violations=lost, nothing="no accepted event asked for a mail")


@checker("mails")
def no_unexplained_second_mail(history: History) -> Verdict:
    """No event is mailed again unless a lost reply, a crash or a long freeze explains that very mail."""
    if why := why_no_mail_is_told_apart(history):
        return unknown(why)
    taken, shown, (certain, possible) = mails_taken(history), sightings(history), _interruptions(history)
    set_aside, under_way = 0, _may_be_interrupted(history)
    violations, undecided = [], 0
    for pair, mails in taken.items():
        completed = first_shown(shown.get(pair, []), "completed")
        seen_s = completed.end_s if completed else math.inf
        unproved = _without_reason(mails, by=certain, seen_s=seen_s)
        unexplained = _without_reason(mails, by=possible, seen_s=seen_s) if unproved and not under_way else []
        undecided += len(unproved) - len(unexplained)
        for number in unexplained:
            mail, earlier = mails[number], mails[number - 1]
            if _may_be_the_machines(history, earlier, mail, seen_s=seen_s):
                set_aside += 1
                continue
            violations.append(Violation(_unexplained(mail, earlier, pair), pair))
    if undecided and not violations:
        return unknown(_why_undecided(undecided, under_way=under_way), checked=len(taken))
    verdict = judged(checked=len(taken), violations=violations, nothing="no mail was taken")
    return weighed(verdict, set_aside=set_aside, what="second mails followed")


def _interruptions(history: History) -> tuple[list[Interruption], list[Interruption]]:
    """What explains second mails for certain, and what may explain them as far as the claims tell."""
    turned = any(planned.get("fault") == "FlagFlips" for planned in history.header.plan)  # then API processes mail as well
    working = {*SERVERS, working_role(history), *(("api",) if turned else ())}
    faults = [fault for fault in history.of(Suffered) if fault.evidence and working & {role_of(name) for name in fault.processes}]
    crashes = [fault for fault in faults if fault.name.endswith(KILLS)] + _kills(history, faults)
    freezes = [fault for fault in faults if _is_freeze(fault)]
    reclaim_s = history.header.claims.get("reclaim_seconds")
    pause_s = history.header.claims.get("longest_pause_seconds", LONGEST_PAUSE_SECONDS)
    if reclaim_s is None:
        return [Interruption(fault, fault.end_s + pause_s) for fault in crashes], [
            Interruption(fault, math.inf) for fault in (*crashes, *freezes)
        ]
    long = [fault for fault in freezes if fault.end_s - fault.begin_s > reclaim_s]
    claimed = [Interruption(fault, _until_s(history, fault, reclaim_s + pause_s)) for fault in (*crashes, *long)]
    return claimed, claimed


def _kills(history: History, faults: Sequence[Suffered]) -> list[Suffered]:
    """Each death by a deadly event, as a crash of its own: what was written by then may reach the provider a moment later."""
    deadly = [fault for fault in faults if fault.name == "EventKillsWorkers"]
    return [
        replace(fault, begin_s=entry.at_s, end_s=entry.at_s + LAST_BYTES_SECONDS, processes=(entry.process,))
        for fault in deadly
        for entry in history.of(Lifecycle)
        if entry.what == "killed" and entry.process in fault.processes and fault.begin_s <= entry.at_s <= fault.end_s
    ]


def _until_s(history: History, fault: Suffered, patience_s: float) -> float:
    """By when an event was taken up again after an interruption: other faults of that time hold it up as well."""
    until_s = fault.end_s + patience_s
    for other in sorted(history.of(Suffered), key=lambda other: other.begin_s):
        if other.evidence and other.begin_s <= until_s:
            until_s = max(until_s, other.end_s + patience_s)
    return until_s


def _may_be_interrupted(history: History) -> bool:
    """Whether the end is missing and a fault that explains second mails may have been under way."""
    return any(
        window.end_s == math.inf and str(window.planned.get("fault")).endswith((*KILLS, "Freezes", "KillsWorkers"))
        for window in fault_windows(history)
    )


def _may_be_the_machines(history: History, earlier: Call, mail: Call, *, seen_s: float) -> bool:
    """Whether the machine stood still between the two mails, or so that the event was taken up again: as a fault explains it."""
    stalled, claims = stalls(history), history.header.claims
    patience_s = (claims.get("reclaim_seconds") or math.inf) + claims.get("longest_pause_seconds", LONGEST_PAUSE_SECONDS)
    return is_doubtful(stalled, earlier.begin_s, mail.begin_s) or any(
        _touches(stall, earlier) and stall[0] < seen_s and mail.begin_s <= stall[1] + patience_s for stall in stalled
    )


def _touches(stall: Stall, earlier: Call) -> bool:
    return stall[0] <= earlier.end_s + EXPLAINS_WITHIN_SECONDS and stall[1] >= earlier.begin_s


def _without_reason(mails: Sequence[Call], *, by: Sequence[Interruption], seen_s: float) -> list[int]:
    """The mails (by number) that nothing explains; each lost reply and each interruption explains one mail.

    Which one an interruption explains is left open as long as possible: the earlier ones change places where they can.
    """
    explained: dict[int, int] = {}  # the number of an interruption -> the number of the mail it explains

    def find_reason(number: int, tried: set[int]) -> bool:
        for index, interruption in enumerate(by):
            if index in tried or not interruption.explains(mails[number], mails[:number], seen_s=seen_s):
                continue
            tried.add(index)
            if index not in explained or find_reason(explained[index], tried):
                explained[index] = number
                return True
        return False

    repeated = [number for number in range(1, len(mails)) if not mails[number - 1].reply_lost]
    return [number for number in repeated if not find_reason(number, set())]


class Interruption(NamedTuple):
    """A fault that can explain a second mail, until a moment in seconds."""

    fault: Suffered
    until_s: float

    def explains(self, mail: Call, earlier: Sequence[Call], *, seen_s: float) -> bool:
        """Whether `mail` followed one of the `earlier` because of it; `seen_s`: when a client first saw the event completed."""
        is_before = self.fault.begin_s < min(seen_s, mail.begin_s) and mail.begin_s <= self.until_s
        return is_before and any(self._struck(before) and _had_a_hand_in(self.fault, before, mail) for before in earlier)

    def _struck(self, earlier: Call) -> bool:
        """Whether it began soon after that mail, or was already going on."""
        lasts_until_s = self.fault.end_s + (EXPLAINS_WITHIN_SECONDS if _is_freeze(self.fault) else 0.0)
        return self.fault.begin_s <= earlier.end_s + EXPLAINS_WITHIN_SECONDS and lasts_until_s >= earlier.begin_s


def _had_a_hand_in(fault: Suffered, earlier: Call, mail: Call) -> bool:
    senders = {earlier.process, mail.process} if _is_freeze(fault) else {earlier.process}
    return bool({*SERVERS, *senders} & set(fault.processes))


def _is_freeze(fault: Suffered) -> bool:
    return fault.name.endswith("Freezes")


def _why_undecided(count: int, *, under_way: bool) -> str:
    if under_way:
        return f"{count} second mails were sent before the history is cut off, and a fault may have been under way"
    return f"{count} second mails follow a freeze, or follow a crash late; {NO_CLAIM}"


def _unexplained(mail: Call, earlier: Call, pair: Pair) -> str:
    return (
        f"{pair} was mailed by {earlier.process} at {earlier.begin_s:.3f} s and again by {mail.process} at {mail.begin_s:.3f} s; "
        "no lost reply, crash or long freeze explains it"
    )
