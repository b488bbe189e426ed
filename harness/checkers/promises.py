"""What the checkers mean by their words: promise, refusal, sighting, mail due, justified failure, fault window.

Every function here is a pure reading of a history. The smallest checker built on them is `delivery.nothing_is_invented`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from harness.history import Call, History, Lifecycle, Pair, Post, Read, Row, Stored, Suffered

STATUSES = ("pending", "processing", "completed", "failed")
FINAL_STATUSES = ("completed", "failed")
REFUSED_FOR_NOW = (429, 503)
FEWEST_CALLS_THAT_TELL = 2  # one mail that names no event may be that mail's own mistake; if none does, the pointers lead nowhere
# A 4xx of the provider that says nothing about the mail itself: configuration (401, 403), its own pace (408, 425, 429).
NOT_ABOUT_THE_MAIL = (401, 403, 408, 425, 429)
# How the names of faults end that kill a process or a server: they count as crashes.
KILLS = ("Crashes", "Loads", "DiskFills")
# The faults under which the provider refuses mails for good, and with which status, where that is no setting.
REFUSES_MAILS = {"SendGridAnswers": None, "SendGridRejects": 400}


class Window(NamedTuple):
    """A fault's time, in seconds, and the planned fault as `faults.to_data` wrote it."""

    begin_s: float
    end_s: float
    planned: dict[str, Any]

    def overlaps(self, begin_s: float, end_s: float) -> bool:
        """Whether something that lasted so long happened in it, at least in part."""
        return begin_s <= self.end_s and end_s >= self.begin_s


class Sighting(NamedTuple):
    """A status somebody was shown: by a status read, by a duplicate's `current_status`, or by the answer `processed`."""

    begin_s: float
    end_s: float
    status: str
    how: str


def is_refused(post: Post) -> bool:
    """Certainly nothing was taken: a 4xx, 429, 503, or a connection that was refused."""
    if post.http_status is None:
        return post.outcome == "failed"
    return 400 <= post.http_status < 500 or post.http_status == 503


def is_refused_for_good(post: Post) -> bool:
    """Nothing was taken, and nothing will be: a 4xx other than 429."""
    return is_refused(post) and post.http_status not in (None, *REFUSED_FOR_NOW)


def is_rightly_refused(post: Post, posts: Iterable[Post]) -> bool:
    """Refused for good, and there is a reason to: poison, or one of the event's `posts` has another payload."""
    return is_refused_for_good(post) and (post.poison or any(other.payload != post.payload for other in posts))


def is_unknown(post: Post) -> bool:
    """It may or may not have been taken: a time-out, a cut connection, a 504, any other answer that says neither."""
    return not post.promises and not is_refused(post)


def is_acceptance(post: Post) -> bool:
    """The answer took the event, rather than pointing to an earlier one."""
    return post.promises and post.answer != "duplicate"


def answers_after_the_work(history: History) -> bool:
    """Whether this service does the work before it answers: it said `processed`, and never `accepted`."""
    answers = {post.answer for post in history.of(Post) if post.promises}
    return "processed" in answers and "accepted" not in answers


def sightings(history: History) -> dict[Pair, list[Sighting]]:
    """Every status that was shown to a client, by event, in the order in which the answers came."""
    seen: dict[Pair, list[Sighting]] = {}
    for post in history.of(Post):
        status = {"duplicate": post.current_status, "processed": "completed"}.get(str(post.answer))
        if post.promises and status is not None:
            seen.setdefault(post.pair, []).append(Sighting(post.begin_s, post.end_s, status, f"the answer {post.answer}"))
    for read in history.of(Read):
        if read.http_status == 200 and read.status is not None:
            seen.setdefault(read.pair, []).append(Sighting(read.begin_s, read.end_s, read.status, "a status read"))
    return {pair: sorted(shown, key=lambda sighting: sighting.end_s) for pair, shown in seen.items()}


def first_shown(shown: list[Sighting], status: str) -> Sighting | None:
    """The earliest sighting of one status."""
    return next((sighting for sighting in shown if sighting.status == status), None)


def stored_rows(history: History) -> Counter[Pair]:
    """How many rows each event has in the final state."""
    return Counter(row.pair for row in history.of(Row))


def first_stored_s(history: History) -> dict[Pair, float]:
    """When each event's row was first seen while the scenario ran."""
    return {pair: min(entry.at_s for entry in entries) for pair, entries in history.by_pair(Stored).items()}


def rows_were_read(history: History) -> bool:
    """Whether the final rows are known."""
    return history.rest is not None and history.rest.rows_read


def mails_taken(history: History) -> dict[Pair, list[Call]]:
    """The mails the provider took, by event, in the order in which they reached it."""
    calls = {pair: [call for call in calls if call.taken] for pair, calls in history.by_pair(Call).items()}
    return {pair: sorted(taken, key=lambda call: call.begin_s) for pair, taken in calls.items() if taken}


def why_no_mail_is_told_apart(history: History) -> str:
    """Why no mail can be judged though mails were sent: none of several names an event. Empty if one does."""
    calls = history.of(Call)
    if len(calls) < FEWEST_CALLS_THAT_TELL or any(call.pair is not None for call in calls):
        return ""
    shown = next((f": {call.unnamed}" for call in calls if call.unnamed), "")
    return f"mail_source and mail_id of [observe] name no event in any of {len(calls)} mails{shown}"


def mails_are_told_apart(history: History) -> bool:
    """Whether mails are judged at all, and can be."""
    return "mails" in history.header.offers and not why_no_mail_is_told_apart(history)


def due_mails(history: History) -> dict[Pair, Post]:
    """The promised events that asked for a mail, with their promise."""
    return {pair: promise for pair, promise in history.promised.items() if promise.wants_mail}


def is_refusal_for_good(call: Call) -> bool:
    """A permanent 4xx about that very mail."""
    return 400 <= call.http_status < 500 and call.http_status not in NOT_ABOUT_THE_MAIL


def refused_for_good_s(history: History) -> dict[Pair, float]:
    """When a planned fault first made the provider refuse an event's mail for good.

    Any other permanent 4xx is the service's own doing: without a fault the provider refuses a mail only for its body, and
    the addresses it refuses belong to poison events.
    """
    refusing = [window for window in fault_windows(history) if window.planned.get("fault") in REFUSES_MAILS]
    first: dict[Pair, float] = {}
    for call in history.of(Call):
        if call.pair is not None and is_refusal_for_good(call) and any(_made_it(window, call) for window in refusing):
            first[call.pair] = min(call.begin_s, first.get(call.pair, math.inf))
    return first


def _made_it(window: Window, call: Call) -> bool:
    status = setting(window.planned, "status") or REFUSES_MAILS[window.planned["fault"]]
    return status == call.http_status and window.overlaps(call.begin_s, call.begin_s)


def poison(history: History) -> set[Pair]:
    """The events no service can finish."""
    return {post.pair for post in history.of(Post) if post.poison}


def excused(history: History) -> set[Pair]:
    """The events that need not be delivered: last shown as `failed`, and justifiably so."""
    justified = poison(history) | set(refused_for_good_s(history))
    return {pair for pair, shown in sightings(history).items() if pair in justified and shown[-1].status == "failed"}


def planned_fault(history: History, fault: Suffered) -> dict[str, Any]:
    """The planned fault that was suffered, as `faults.to_data` wrote it; empty if the header lacks it."""
    return history.header.plan[fault.index] if fault.index < len(history.header.plan) else {}


def setting(planned: dict[str, Any], name: str) -> Any:
    """A setting of a planned fault; None if it has none of that name."""
    return planned.get("settings", {}).get(name)


def fault_windows(history: History) -> list[Window]:
    """When the faults hurt. A fault is recorded at its end: in a history that is cut off, any other may always be under way."""
    suffered = history.of(Suffered)
    seen = [Window(fault.begin_s, fault.end_s, planned_fault(history, fault)) for fault in suffered]
    if not is_cut_off(history):
        return seen
    known = {fault.index for fault in suffered}
    plan = enumerate(history.header.plan)
    return [*seen, *(Window(-math.inf, math.inf, planned) for index, planned in plan if index not in known)]


def is_cut_off(history: History) -> bool:
    """Whether the end is missing: what was under way then (a POST, a fault) has left no entry."""
    return history.rest is None


def last_fault_end_s(history: History, *, but: str) -> float:
    """When the last fault ended, those of the name `but` not counted; minus infinity if there was none."""
    return max((fault.end_s for fault in history.of(Suffered) if fault.name != but), default=-math.inf)


def working_roles(history: History) -> set[str]:
    """The roles of the processes that do the work: workers, or the API where there are none; both where the flag is turned."""
    is_flag_turned = any(planned.get("fault") == "FlagFlips" for planned in history.header.plan)
    has_workers = bool(history.header.processes.get("worker"))
    if not has_workers:
        return {"api"}
    return {"worker", "api"} if is_flag_turned else {"worker"}


def starts(history: History, process: str, *, after_s: float, until_s: float) -> int:
    """How often a process (or, by its role, any of them) was started within a stretch of time: it forgot what it knew."""
    return sum(
        entry.what == "started" and process in (entry.process, role_of(entry.process)) and after_s <= entry.at_s <= until_s
        for entry in history.of(Lifecycle)
    )


def role_of(process: str) -> str:
    """ "worker" of "worker-1"; a server's role is its name."""
    return process.rpartition("-")[0] or process


def in_words(promise: Post) -> str:
    """A promise as a violation's sentence mentions it."""
    return f"answered {promise.answer} at {promise.end_s:.3f} s"
