"""Interruptions: the faults that may lead to a second mail of an event, each to one more.

An interruption is a crash (or a freeze that SIGKILL ended, from its beginning), or a freeze longer than
`claims.reclaim_seconds`, with evidence, of a process that does the work, of Redis or of Postgres. It began at most 5 s after an
earlier mail of that event was taken, or was already going on then (see below), and before any client saw the event completed.
It explains a mail only until `claims.reclaim_seconds + claims.longest_pause_seconds` after its end, or after the end of any
other fault of that time: by then the event was taken up again.

One already going on counts because of what happens in one. Bytes already written when a worker dies reach the provider after
its death; a server that is down cannot keep the record of a mail sent meanwhile; a frozen worker wakes (up to 5 s ago) behind
the back of the one that took its event over and finishes what it had begun. Leaving these out would convict services that did
nothing wrong.

A worker explains only what it had a hand in: one that crashed must have sent the earlier mail, one that froze either of the
two. Redis and Postgres keep the record of every mail, so they explain any. Who judges by them: `mail`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from harness.checkers.noise import LONGEST_PAUSE_SECONDS
from harness.checkers.promises import KILLS, fault_windows, role_of, working_roles
from harness.history import Call, History, Lifecycle, Suffered

EXPLAINS_WITHIN_SECONDS = 5.0
LAST_BYTES_SECONDS = 0.25
SERVERS = ("redis", "postgres")
DEATHS = ("killed", "exited")
CRASH = "Crashes"


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


def interruptions(history: History) -> tuple[list[Interruption], list[Interruption]]:
    """What explains second mails for certain, and what may explain them as far as the claims tell."""
    working = {*SERVERS, *working_roles(history)}
    faults = [fault for fault in history.of(Suffered) if fault.evidence and working & {role_of(name) for name in fault.processes}]
    faults = [_as_it_ended(history, fault) if _is_freeze(fault) else fault for fault in faults]
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


def _as_it_ended(history: History, freeze: Suffered) -> Suffered:
    """The freeze, or a crash that began with it: a frozen process that is killed takes what it had in hand with it."""
    lives = [entry for entry in history.of(Lifecycle) if entry.process in freeze.processes]
    ends_s = [entry.at_s for entry in lives if entry.what in DEATHS and freeze.begin_s <= entry.at_s < freeze.end_s]
    return replace(freeze, name=CRASH, end_s=min(ends_s)) if ends_s else freeze


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


def may_be_interrupted(history: History) -> bool:
    """Whether the end is missing and a fault that explains second mails may have been under way."""
    return any(
        window.end_s == math.inf and str(window.planned.get("fault")).endswith((*KILLS, "Freezes", "KillsWorkers"))
        for window in fault_windows(history)
    )


def _had_a_hand_in(fault: Suffered, earlier: Call, mail: Call) -> bool:
    senders = {earlier.process, mail.process} if _is_freeze(fault) else {earlier.process}
    return bool({*SERVERS, *senders} & set(fault.processes))


def _is_freeze(fault: Suffered) -> bool:
    return fault.name.endswith("Freezes")
