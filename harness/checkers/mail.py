"""Mail: every promised mail is taken by the provider, and a second one is sent only where something explains that very mail.

Mail is at-least-once, for the provider knows no idempotency key. What explains a second mail:

- The reply to the mail before it was lost. One lost reply explains one more mail, not a third.
- A crash, or a freeze longer than `claims.reclaim_seconds`, with evidence, of a process that does the work, of Redis or of
  Postgres, that began at most 5 s after an earlier mail was taken and before any client saw the event completed.
- The same if it began *before* that mail was taken and was still going on. Bytes already written when a worker dies reach
  the provider after its death; a server that is down cannot keep the record of a mail sent meanwhile; a frozen worker wakes
  (up to 5 s ago) behind the back of the one that took its event over and finishes what it had begun. Leaving these out
  would convict services that did nothing wrong.

A worker explains only what it had a hand in: one that crashed must have sent the earlier mail, one that froze either of the
two. Redis and Postgres keep the record of every mail, so they explain any.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.checkers.noise import is_doubtful, stalls, weighed
from harness.checkers.promises import due_mails, excused, first_shown, in_words, mails_taken, role_of, sightings, working_role
from harness.history import Call, History, Pair, Suffered
from harness.verdict import Verdict, Violation, checker, judged, unknown

EXPLAINS_WITHIN_SECONDS = 5.0
SERVERS = ("redis", "postgres")
NO_CLAIM = "whether it explains them is told by claims.reclaim_seconds, which the system file lacks"


@checker("mails")
def every_accepted_event_is_mailed(history: History) -> Verdict:
    """Every accepted event that asked for a mail was mailed, or failed justifiably."""
    due, taken, excuses = due_mails(history), mails_taken(history), excused(history)
    missing = [pair for pair in due if pair not in taken and pair not in excuses]
    if not history.is_quiet:
        return unknown(f"the world was still moving; {len(missing)} of {len(due)} mails were missing yet", checked=len(due))
    lost = [Violation(f"{pair} was {in_words(due[pair])} and its mail was never taken: it is lost", pair) for pair in missing]
    return judged(checked=len(due), violations=lost, nothing="no accepted event asked for a mail")


@checker("mails")
def no_unexplained_second_mail(history: History) -> Verdict:
    """No event is mailed again unless a lost reply, a crash or a long freeze explains that very mail."""
    taken, shown, (certain, unclear) = mails_taken(history), sightings(history), _interruptions(history)
    stalled, set_aside = stalls(history), 0
    violations, undecided = [], 0
    for pair, mails in taken.items():
        completed = first_shown(shown.get(pair, []), "completed")
        seen_s = completed.end_s if completed else math.inf
        for number, mail in enumerate(mails[1:], start=1):
            earlier = mails[:number]
            if earlier[-1].reply_lost or _is_explained(mail, earlier, by=certain, seen_s=seen_s):
                continue
            if _is_explained(mail, earlier, by=unclear, seen_s=seen_s):
                undecided += 1
                continue
            if is_doubtful(stalled, earlier[-1].begin_s, mail.begin_s):
                set_aside += 1
                continue
            violations.append(Violation(_unexplained(mail, earlier[-1], pair), pair))
    if undecided and not violations:
        return unknown(f"{undecided} second mails follow a freeze; {NO_CLAIM}", checked=len(taken))
    verdict = judged(checked=len(taken), violations=violations, nothing="no mail was taken")
    return weighed(verdict, set_aside=set_aside, what="second mails followed")


def _interruptions(history: History) -> tuple[list[Suffered], list[Suffered]]:
    """The faults that can explain a second mail, and the freezes of which that is unclear because nothing is claimed."""
    working = {*SERVERS, working_role(history)}
    faults = [fault for fault in history.of(Suffered) if fault.evidence and working & {role_of(name) for name in fault.processes}]
    certain = [fault for fault in faults if fault.name.endswith("Crashes")]
    freezes = [fault for fault in faults if _is_freeze(fault)]
    reclaim_seconds = history.header.claims.get("reclaim_seconds")
    if reclaim_seconds is None:
        return certain, freezes
    return [*certain, *(fault for fault in freezes if fault.end_s - fault.begin_s > reclaim_seconds)], []


def _is_explained(mail: Call, earlier: Sequence[Call], *, by: Sequence[Suffered], seen_s: float) -> bool:
    return any(_explains(fault, before, mail, seen_s=seen_s) for fault in by for before in earlier)


def _explains(fault: Suffered, earlier: Call, mail: Call, *, seen_s: float) -> bool:
    """Whether this fault explains that `mail` followed `earlier`; `seen_s` is when a client first saw the event completed."""
    lasts_until_s = fault.end_s + (EXPLAINS_WITHIN_SECONDS if _is_freeze(fault) else 0.0)
    in_time = fault.begin_s <= earlier.end_s + EXPLAINS_WITHIN_SECONDS and lasts_until_s >= earlier.begin_s
    return in_time and fault.begin_s < min(seen_s, mail.begin_s) and _had_a_hand_in(fault, earlier, mail)


def _had_a_hand_in(fault: Suffered, earlier: Call, mail: Call) -> bool:
    senders = {earlier.process, mail.process} if _is_freeze(fault) else {earlier.process}
    return bool({*SERVERS, *senders} & set(fault.processes))


def _is_freeze(fault: Suffered) -> bool:
    return fault.name.endswith("Freezes")


def _unexplained(mail: Call, earlier: Call, pair: Pair) -> str:
    return (
        f"{pair} was mailed by {earlier.process} at {earlier.begin_s:.3f} s and again by {mail.process} at {mail.begin_s:.3f} s; "
        "no lost reply, crash or long freeze explains it"
    )
