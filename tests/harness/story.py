"""Hand-made histories that read like what happened: `Story().posted("a", 1).stored("a", 2).mailed("a", 3).quiet().history`.

Every method adds one entry (`kept` a whole promise) and returns the story; a keyword sets any field of the entry or the header.
Events are named by their id; their source is that of the harness's own traffic. Stories told more than once: `stories.py`.
"""

from __future__ import annotations

import re
from typing import Any

from harness.faults import Fault, between, to_data
from harness.history import (
    Call,
    Crowd,
    Entry,
    Header,
    History,
    Lifecycle,
    Pair,
    Post,
    Probe,
    Read,
    Rest,
    Row,
    Scrape,
    Span,
    Stored,
    Suffered,
)
from harness.traffic import SOURCE
from harness.verdict import Checker, Ruling, Verdict

OFFERS = (
    *("api", "mails", "postgres", "redis", "rows", "sendgrid", "worker"),
    *("claims.breaker_failures", "claims.breaker_reset_seconds", "claims.breaker_trials", "claims.reclaim_seconds"),
)
PROBLEM = "application/problem+json"


class Story:
    """A history in the making."""

    def __init__(self, **header: Any) -> None:
        told: dict[str, Any] = {
            "scenario": "story",
            "system": "service",
            "world": "simulated",
            "seed": 1,
            "offers": OFFERS,
            "claims": {"reclaim_seconds": 5.0, "breaker_failures": 2, "breaker_reset_seconds": 5.0, "breaker_trials": 1}
            | {"longest_pause_seconds": 20.0},
            "processes": {"api": 2, "worker": 2},
        }
        self.history = History(Header(**(told | header)))

    def posted(self, name: str, at_s: float, answer: str | None = "accepted", *, took_s: float = 0.01, **more: Any) -> Story:
        """A POST that was answered: 202 accepted unless told otherwise."""
        duplicate: dict[str, Any] = {"original_id": name, "current_status": "pending"} if answer == "duplicate" else {}
        fields: dict[str, Any] = {
            "pair": of(name),
            "payload": "p",
            "wants_mail": True,
            "poison": False,
            "attempt": 0,
            "end_s": at_s + took_s,
            "outcome": "ok",
            "http_status": 202 if answer == "accepted" else 200,
            "process": "api-0",
        }
        return self._add(Post(**(fields | duplicate | {"begin_s": at_s, "answer": answer} | more)))

    def refused(self, name: str, at_s: float, http_status: int | None = 503, **more: Any) -> Story:
        """A POST that was refused politely."""
        now = http_status in (429, 503)
        polite = {"content_type": PROBLEM if http_status else "", "retry_after_s": 1.0 if now else None}
        return self.posted(name, at_s, None, **({"outcome": "failed", "http_status": http_status} | polite | more))

    def unanswered(self, name: str, at_s: float, **more: Any) -> Story:
        """A POST without an answer: nobody knows."""
        return self.posted(name, at_s, None, **({"outcome": "unknown", "http_status": None, "error": "timed out"} | more))

    def read(self, name: str, at_s: float, status: str | None = "completed", *, took_s: float = 0.01, **more: Any) -> Story:
        """A status read that was answered 200."""
        fields: dict[str, Any] = {"pair": of(name), "end_s": at_s + took_s, "outcome": "ok", "http_status": 200}
        return self._add(Read(**(fields | {"begin_s": at_s, "status": status} | more)))

    def mailed(self, name: str | None, at_s: float, *, took_s: float = 0.1, **more: Any) -> Story:
        """A call of mail/send that was taken, by worker-0, unless told otherwise."""
        status = more.get("http_status", 202)
        fields: dict[str, Any] = {"process": "worker-0", "end_s": at_s + took_s, "http_status": status, "taken": status == 202}
        return self._add(Call(**(fields | {"pair": of(name) if name else None, "begin_s": at_s} | more)))

    def stored(self, name: str, at_s: float) -> Story:
        """A row appears."""
        return self._add(Stored(pair=of(name), at_s=at_s))

    def row(self, name: str) -> Story:
        """A row is there in the end."""
        return self._add(Row(pair=of(name)))

    def kept(self, name: str, at_s: float) -> Story:
        """A promise from beginning to end, within one second."""
        told = self.posted(name, at_s).read(name, at_s + 0.1, "pending").stored(name, at_s + 0.2).mailed(name, at_s + 0.3)
        return told.read(name, at_s + 0.9).row(name)

    def suffered(self, name: str, begin_s: float, end_s: float, *hurt: str, **more: Any) -> Story:
        """A fault with evidence."""
        fields: dict[str, Any] = {"index": 0, "story": f"{name} happens.", "evidence": "it bit", "processes": hurt}
        return self._add(Suffered(**(fields | {"name": name, "begin_s": begin_s, "end_s": end_s} | more)))

    def process(self, name: str, what: str, at_s: float, **more: Any) -> Story:
        """Something happens to a process."""
        return self._add(Lifecycle(process=name, what=what, at_s=at_s, **more))

    def probed(self, at_s: float, latency_s: float = 0.001) -> Story:
        """The bare stub answers."""
        return self._add(Probe(at_s=at_s, latency_s=latency_s))

    def crowd(self, begin_s: float, end_s: float, others: float) -> Story:
        """Others take a share of the processors."""
        return self._add(Crowd(begin_s=begin_s, end_s=end_s, others=others))

    def scraped(self, at_s: float, queue_depth: float, process: str = "worker-0") -> Story:
        """A process exports its queue depth."""
        return self._add(Scrape(process=process, at_s=at_s, queue_depth=queue_depth))

    def span(self, name: str, role: str, place: str, **more: Any) -> Story:
        """A span of an event reaches the sink; `place` is its trace and itself: "t1/a"."""
        trace, _, span = place.partition("/")
        fields: dict[str, Any] = {"name": role, "parent": "", "begin_s": 1.0, "end_s": 2.0, "pair": of(name)}
        return self._add(Span(**(fields | {"trace": trace, "span": span, "role": role} | more)))

    def quiet(self, at_s: float = 100.0, *, rows_read: bool = True, lasting_keys: int | None = None) -> Story:
        """The world comes to rest."""
        return self._add(Rest(at_s=at_s, quiet=True, rows_read=rows_read, lasting_keys=lasting_keys))

    def restless(self, at_s: float = 100.0) -> Story:
        """Time ends, and something still moves."""
        return self._add(Rest(at_s=at_s, quiet=False, moving=("rows (last at 99.0 s)",), rows_read=True))

    def judged_by(self, checker: Checker) -> Verdict:
        """What a checker says of it, which has to be sound as any verdict has."""
        verdict = checker(self.history)
        self._expect_sound(verdict)
        return verdict

    def _expect_sound(self, verdict: Verdict) -> None:
        """It counts, tells why nothing was decided, and a violation points to the event its sentence names."""
        assert isinstance(verdict.checked, int), verdict
        assert bool(verdict.reason) == (verdict.ruling in (Ruling.UNKNOWN, Ruling.NOT_APPLICABLE)), verdict
        told: list[Any] = [getattr(entry, "pair", None) for entry in self.history.entries]
        events = {pair for pair in told if isinstance(pair, Pair)}
        for violation in verdict.violations:
            named = [event for event in events if re.search(rf"(^|\s){re.escape(str(event))}\b", violation.what)]
            assert len(named) != 1 or violation.pair == named[0], violation

    def _add(self, entry: Entry) -> Story:
        self.history.record(entry)
        return self


def of(name: str) -> Pair:
    """An event of the usual source."""
    return Pair(SOURCE, name)


def plan(*planned: Fault) -> tuple[dict[str, Any], ...]:
    """A header's plan of these faults, each from 5 to 15 s."""
    return tuple(to_data(between(5, 15, fault)) for fault in planned)


def said(verdict: Verdict) -> str:
    """The ruling and everything a person is told, for one assertion."""
    return "; ".join([str(verdict.ruling), *(violation.what for violation in verdict.violations), verdict.reason])
