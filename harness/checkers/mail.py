"""Mail: every promised mail is taken by the provider, and a second one is sent only where something explains that very mail.

Mail is at-least-once, for the provider knows no idempotency key. What explains a second mail:

- The reply to the mail before it was lost. One lost reply explains one more mail, not a third.
- An interruption (`interruptions`). One explains one more mail of an event.

A stall of the machine convicts nobody: a second mail that it may have led to, as an interruption would have, is set aside.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.checkers.interruptions import EXPLAINS_WITHIN_SECONDS, Interruption, interruptions, may_be_interrupted
from harness.checkers.losses import lost_beyond_claims
from harness.checkers.noise import LONGEST_PAUSE_SECONDS, Stall, is_doubtful, rest_is_doubtful, stalls, weighed
from harness.checkers.promises import (
    due_mails,
    excused,
    first_shown,
    in_words,
    mails_taken,
    sightings,
    why_no_mail_is_told_apart,
)
from harness.history import Call, History, Pair
from harness.verdict import Verdict, Violation, checker, judged, unknown

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
    taken, shown, (certain, possible) = mails_taken(history), sightings(history), interruptions(history)
    set_aside, under_way = 0, may_be_interrupted(history)
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


def _why_undecided(count: int, *, under_way: bool) -> str:
    if under_way:
        return f"{count} second mails were sent before the history is cut off, and a fault may have been under way"
    return f"{count} second mails follow a freeze, or follow a crash late; {NO_CLAIM}"


def _unexplained(mail: Call, earlier: Call, pair: Pair) -> str:
    return (
        f"{pair} was mailed by {earlier.process} at {earlier.begin_s:.3f} s and again by {mail.process} at {mail.begin_s:.3f} s; "
        "no lost reply, crash or long freeze explains it"
    )
