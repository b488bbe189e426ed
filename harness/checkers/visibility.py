"""Whether an operator can see what goes on: the exported queue depth, and the traces that reach a collector.

Metrics are scraped and traces received in the real world only. The smallest checker here is
`queue_depth_shows_the_backlog`.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.checkers import promises
from harness.checkers.backlog import backlog
from harness.history import Call, History, Pair, Post, Scrape, Span
from harness.verdict import Verdict, Violation, checker, judged, not_applicable, unknown

MANY = 50  # events that wait
AROUND_S = 3.0  # how long before and after a scrape the backlog must have been clear: a gauge may be some seconds old
LEAST_SHARE = 0.5  # of what is known to wait, that the gauge must show
SLACK_S = 0.02  # between what a client and the provider saw of one call; all on one machine's clock
SIMULATED = "metrics are scraped and traces received from real processes only"


@checker("queue_depth")
def queue_depth_shows_the_backlog(history: History) -> Verdict:
    """While many events wait, the exported queue depth shows them; when none waits, it is 0."""
    if history.header.world == "simulated":
        return not_applicable(SIMULATED)
    scrapes = history.of(Scrape)
    if not scrapes:
        return judged(checked=1, violations=[Violation("no process exported the queue depth on its page of metrics")])
    levels, unsure = _Levels(history), _never_known(history)
    full = [scrape for scrape in scrapes if levels.around(scrape.at_s)[0] >= MANY]
    empty = [scrape for scrape in scrapes if levels.around(scrape.at_s)[1] == 0]
    hidden = [
        Violation(f"{_told(one)} while {waiting} events waited")
        for one in full
        if _deepest(scrapes, one.at_s) < LEAST_SHARE * (waiting := levels.around(one.at_s)[0])
    ]
    ghosts = [Violation(f"{_told(one)} while no event waited") for one in empty if one.queue_depth > unsure]
    if not full and not hidden + ghosts:
        return unknown(f"never did {MANY} events wait for {2 * AROUND_S:g} s, so there was nothing to see", checked=len(empty))
    return judged(checked=len(full) + len(empty), violations=[*hidden, *ghosts])


@checker("traces", "mails")
def a_trace_leads_from_post_to_mail(history: History) -> Verdict:
    """An event can be followed in its traces: from its POST, over the work that is linked to it, to the call of the provider."""
    if history.header.world == "simulated":
        return not_applicable(SIMULATED)
    mailed = promises.mails_taken(history)
    if not mailed:
        return unknown("no event was mailed, so there was nothing to follow")
    paths = _Paths.of(history.of(Span))
    followed = [pair for pair, calls in mailed.items() if paths.reaches_mail(pair, calls)]
    if followed:
        return judged(checked=len(followed))
    pair, calls = next(iter(mailed.items()))
    return judged(checked=len(mailed), violations=[Violation(paths.what_is_missing(pair, calls), pair)])


class _Levels:
    """The backlog seen from outside, as a step function of time."""

    def __init__(self, history: History) -> None:
        steps = backlog(history)
        self._times = [at_s for at_s, _ in steps]
        self._levels = [level for _, level in steps]
        self._known_until_s = history.rest.at_s if history.rest else math.inf

    def around(self, at_s: float) -> tuple[int, int]:
        """The least and the most that waited within `AROUND_S` of a moment."""
        first = bisect_left(self._times, at_s - AROUND_S)
        last = bisect_right(self._times, min(at_s + AROUND_S, self._known_until_s))
        before = self._levels[first - 1] if first else 0
        seen = [before, *self._levels[first:last]]
        return min(seen), max(seen)


def _deepest(scrapes: Sequence[Scrape], at_s: float) -> float:
    """What the process that knew best exported at about that time: not every process has to know the queue."""
    return max(one.queue_depth for one in scrapes if abs(one.at_s - at_s) <= 1.0)


def _told(scrape: Scrape) -> str:
    return f"at {scrape.at_s:.1f} s {scrape.process} exported a queue depth of {scrape.queue_depth:g}"


def _never_known(history: History) -> int:
    """Events that may be in the queue unseen: those that may have been taken without a promise, and poison."""
    unanswered = {post.pair for posts in history.by_pair(Post).values() for post in posts if promises.is_unknown(post)}
    return len(unanswered - history.promised.keys()) + len(promises.poison(history))


@dataclass(frozen=True, slots=True)
class _Paths:
    """Spans by where they stand, by event, and by the span they are below."""

    by_place: Mapping[str, Span]
    by_pair: Mapping[Pair, Sequence[Span]]
    below: Mapping[str, Sequence[Span]]

    @classmethod
    def of(cls, spans: Sequence[Span]) -> _Paths:
        """Spans put in order."""
        by_pair: dict[Pair, list[Span]] = {}
        below: dict[str, list[Span]] = {}
        for span in spans:
            if span.pair is not None:
                by_pair.setdefault(span.pair, []).append(span)
            below.setdefault(f"{span.trace}/{span.parent}", []).append(span)
        return cls({span.place: span for span in spans}, by_pair, below)

    def reaches_mail(self, pair: Pair, calls: Sequence[Call]) -> bool:
        """Whether a call of the provider stands below work that is linked to, or below, the span of the event's POST."""
        return any(_fits(span, calls) for work in self._works(pair, calls) for span in self._under(work))

    def what_is_missing(self, pair: Pair, calls: Sequence[Call]) -> str:
        """Where the path of an event ends, in one sentence."""
        if not self.by_place:
            return "no span reached the sink"
        if not self._posted(pair):
            return f"{pair} was mailed, but no server or producer span has its event.source and event.id"
        if not self._works(pair, calls):
            lacking = "no consumer span with its event.source and event.id is linked to the span of its POST, or in its trace"
            return f"{pair} was mailed, but {lacking}"
        return f"{pair} was mailed, but no client span of that call stands below the work on it"

    def _posted(self, pair: Pair) -> list[Span]:
        return [span for span in self.by_pair.get(pair, ()) if span.role in ("server", "producer")]

    def _works(self, pair: Pair, calls: Sequence[Call]) -> list[Span]:
        """What was done for an event: spans linked to its POST, or the POST itself where it mailed before it ended."""
        posted = self._posted(pair)
        places, traces = {span.place for span in posted}, {span.trace for span in posted}
        consumers = [span for span in self.by_pair.get(pair, ()) if span.role == "consumer"]
        linked = [span for span in consumers if places & set(span.links) or span.trace in traces]
        return linked or [span for span in posted if any(call.end_s <= span.end_s + SLACK_S for call in calls)]

    def _under(self, span: Span) -> Iterator[Span]:
        waiting = [span]
        while waiting:
            for child in self.below.get(waiting.pop().place, ()):
                yield child
                waiting.append(child)


def _fits(span: Span, calls: Sequence[Call]) -> bool:
    """Whether a client's span is that of one of these calls: it lasts as long."""
    return span.role == "client" and any(
        span.begin_s - SLACK_S <= call.begin_s and call.end_s <= span.end_s + SLACK_S for call in calls
    )
