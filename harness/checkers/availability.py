"""Availability: ingest answers fast whatever breaks behind it; a refusal means that nothing was taken. Next: percentile.py."""

from __future__ import annotations

from collections.abc import Sequence

from harness.checkers.noise import crowded, not_held_up, overruns, weighed
from harness.checkers.percentile import percentile_bounds
from harness.checkers.promises import (
    REFUSED_FOR_NOW,
    answers_after_the_work,
    is_cut_off,
    is_refused,
    is_refused_for_good,
    is_rightly_refused,
    mails_taken,
    refused_for_good_s,
    rows_were_read,
    stored_rows,
)
from harness.history import History, Pair, Post, Probe, Read, Suffered
from harness.verdict import Verdict, Violation, checker, judged, not_applicable, parameterised, unknown

ABOUT_THE_EVENT = (400, 409, 422)  # refused for what it says; 401, 404 or 415 may be how the harness was told to ask
PROBLEM = "application/problem+json"
FEWEST_SAMPLES = 100
NOISE_SPREADS_SECONDS = 1.0
NOISY_SHARE = 0.2  # of the limit: a service makes several such steps for every one the bare stub makes
WARM_UP_SECONDS = 3.0  # first connections, first calls of everything: not what a service that runs for weeks is judged by
ONLY_POSTGRES = "this service has no store but Postgres, so there is nothing to take events while that is down"
WORKS_FIRST = "this service does the work before it answers, so its answers cannot be faster than the work"


@checker("rows")
def refusals_are_honest(history: History) -> Verdict:
    """What is refused leaves nothing behind, a refusal for now says when to come back, and no good event is refused for good."""
    posts = history.by_pair(Post)
    refused_posts = [post for posts_of_pair in posts.values() for post in posts_of_pair if is_refused(post)]
    if not posts:
        return unknown("no event was posted")
    if not refused_posts:
        return not_applicable("no event was refused")
    refused = {pair for pair, attempts in posts.items() if all(is_refused(post) for post in attempts)}
    # Where the end is missing, another attempt may have been under way, and taken.
    left_behind = [] if is_cut_off(history) else _left_behind(history, refused)
    violations = [*left_behind, *_rude_refusals(refused_posts), *_groundless_refusals(history)]
    if refused and not violations and not rows_were_read(history):
        return unknown("the final rows could not be read", checked=len(refused_posts))
    return judged(checked=len(refused_posts), violations=violations)


@checker()
def errors_are_problems(history: History) -> Verdict:
    """Every error is a problem document (RFC 9457), and none is a 5xx other than 503 and 504."""
    entries: list[Post | Read] = [*history.of(Post), *history.of(Read)]
    answers = [entry for entry in entries if entry.http_status is not None]
    violations = [Violation(f"{entry.pair}: {what}", entry.pair) for entry in answers if (what := _what_is_no_problem(entry))]
    return judged(checked=len(answers), violations=violations, nothing="no request was answered")


@checker()
def ingest_stays_available(history: History) -> Verdict:
    """No POST fails while a fault lasts that should not touch ingest (without any fault: at any time)."""
    if answers_after_the_work(history):
        return not_applicable(WORKS_FIRST)
    if "redis" not in history.header.offers and any(fault.get("fault") == "PostgresCrashes" for fault in history.header.plan):
        return not_applicable(ONLY_POSTGRES)
    windows = history.of(Suffered)
    posts = [
        post
        for post in history.of(Post)
        if not history.header.plan or any(post.begin_s <= window.end_s and post.end_s >= window.begin_s for window in windows)
    ]
    failed = _failed(posts, history)
    certain = not_held_up(history, failed)
    violations = [
        Violation(
            f"{post.pair}: the POST at {post.begin_s:.3f} s failed: {post.http_status or post.error or 'no answer'}", post.pair
        )
        for post in certain
    ]
    verdict = judged(checked=len(posts), violations=violations, nothing="no POST fell into a fault window")
    return weighed(verdict, set_aside=len(failed) - len(certain), what="POSTs failed")


@parameterised()
def ingest_stays_fast(history: History, *, p95_ms: float) -> Verdict:
    """POST /ingest stays fast: P95 at most {p95_ms} ms, or the system's own limit."""
    limit_ms = history.header.limits.get("ingest_p95_ms", p95_ms)
    if answers_after_the_work(history):
        return not_applicable(WORKS_FIRST)
    # A request nobody answered is as slow as the client was patient: leaving it out would reward hanging.
    posts = [post for post in history.of(Post) if post.http_status is not None or post.outcome == "unknown"]
    if history.header.world == "simulated":
        return _no_answer_waited(posts, limit_ms)
    return _percentile_holds([post for post in posts if post.begin_s >= WARM_UP_SECONDS], history, limit_ms)


def _no_answer_waited(posts: Sequence[Post], limit_ms: float) -> Verdict:
    """In the simulation latency is modelled: it shows only whether an answer waited on a fault."""
    slow = [
        Violation(f"{post.pair}: the POST at {post.begin_s:.3f} s took {_took_ms(post):.1f} ms of {limit_ms:g} ms", post.pair)
        for post in posts
        if _took_ms(post) > limit_ms
    ]
    return judged(checked=len(posts), violations=slow, nothing="no POST was answered")


def _percentile_holds(posts: Sequence[Post], history: History, limit_ms: float) -> Verdict:
    if not (probes := history.of(Probe)):
        return unknown("no bare stub was measured beside the service, so nobody knows how slow the machine was")
    if len(posts) >= FEWEST_SAMPLES and percentile_bounds([_took_ms(post) for post in posts], 0.95)[1] <= limit_ms:
        return judged(checked=len(posts))  # the machine's noise only adds: fast in spite of it is fast
    slow = [probe.at_s for probe in probes if probe.latency_s * 1000 > limit_ms * NOISY_SHARE]
    beside = [(at_s - NOISE_SPREADS_SECONDS, at_s + NOISE_SPREADS_SECONDS) for at_s in slow]
    noisy = [*beside, *crowded(history), *overruns(history)]
    # By their beginning alone, so that slow and fast requests are left out alike.
    calm = [post for post in posts if not any(since_s <= post.begin_s <= until_s for since_s, until_s in noisy)]
    if len(calm) < FEWEST_SAMPLES:
        left_out = f", {len(posts) - len(calm)} more fell where this machine was too busy" if len(calm) < len(posts) else ""
        return unknown(
            f"{len(calm)} samples, at least {FEWEST_SAMPLES} are needed{left_out}", checked=len(calm), noisy=bool(left_out)
        )
    low_ms, high_ms = percentile_bounds([_took_ms(post) for post in calm], 0.95)
    measured = f"the P95 lies between {low_ms:.1f} and {high_ms:.1f} ms (95 % confidence), the limit is {limit_ms:g} ms"
    if low_ms > limit_ms:
        return judged(checked=len(calm), violations=[Violation(measured)])
    if high_ms <= limit_ms and 2 * len(calm) < len(posts):
        left_out = f"{len(posts) - len(calm)} of {len(posts)} samples fell where this machine was too busy"
        return unknown(
            f"{left_out}, and with them the limit is not kept: the rest is too little to tell", checked=len(calm), noisy=True
        )
    return (
        judged(checked=len(calm)) if high_ms <= limit_ms else unknown(measured, checked=len(calm), noisy=len(calm) < len(posts))
    )


def _took_ms(post: Post) -> float:
    """Milliseconds from begin to end, without the last bits that subtraction invents."""
    return round((post.end_s - post.begin_s) * 1000, 6)


def _left_behind(history: History, refused: set[Pair]) -> list[Violation]:
    # What counts is what stays: a service may take a row back before it refuses, and a mail the provider refused is none.
    stored, posts = set(stored_rows(history)), history.by_pair(Post)
    rows = [Violation(f"{pair} was refused at every attempt, yet it is stored", pair) for pair in sorted(refused & stored)]
    mails = [
        Violation(f"{pair} was refused at every attempt until {calls[0].begin_s:.3f} s, yet it was mailed then", pair)
        for pair, calls in mails_taken(history).items()
        if (begun := [post for post in posts.get(pair, []) if post.begin_s <= calls[0].begin_s]) and all(map(is_refused, begun))
    ]
    return [*rows, *mails]


def _failed(posts: Sequence[Post], history: History) -> list[Post]:
    """Those without a promise that were not refused for good for what they say, which `refusals_are_honest` judges.

    A 401 or 404 may be how the harness was told to ask, but not where other events are promised.
    """
    by_pair, is_any_promised = history.by_pair(Post), bool(history.promised)

    def is_turned_away(post: Post) -> bool:
        is_told = post.http_status in ABOUT_THE_EVENT or not is_any_promised or is_rightly_refused(post, by_pair[post.pair])
        return is_told and is_refused_for_good(post)

    return [post for post in posts if not post.promises and not is_turned_away(post)]


def _rude_refusals(posts: Sequence[Post]) -> list[Violation]:
    """Refusals for now that do not say when to come back, or are no problem documents."""
    violations = []
    for post in posts:
        if post.http_status not in REFUSED_FOR_NOW:
            continue
        if post.retry_after_s is None:
            violations.append(Violation(f"{post.pair} was refused with {post.http_status} without Retry-After", post.pair))
        if not post.content_type.startswith(PROBLEM):
            violations.append(Violation(f"{post.pair} was refused with {post.http_status}{_as_content(post)}", post.pair))
    return violations


def _groundless_refusals(history: History) -> list[Violation]:
    """Events that were turned away for what they say, though neither they nor the provider gave a reason."""
    mail_refused = refused_for_good_s(history)
    groundless = {
        pair: post.http_status
        for pair, posts in history.by_pair(Post).items()
        for post in posts
        if post.http_status in ABOUT_THE_EVENT and pair not in mail_refused and not is_rightly_refused(post, posts)
    }
    return [
        Violation(f"{pair} was refused for good with {status}, and nothing is wrong with it", pair)
        for pair, status in groundless.items()
    ]


def _what_is_no_problem(entry: Post | Read) -> str:
    """What is wrong with an error answer; empty if nothing is, or if it is no error."""
    status = entry.http_status or 0
    asked = f"{'POST' if isinstance(entry, Post) else 'status read'} at {entry.begin_s:.3f} s was answered {status}"
    if status >= 500 and status not in (503, 504):
        return f"the {asked}; expected 503 (nothing was taken) or 504 (nobody knows)"
    if status >= 400 and entry.content_type is not None and not entry.content_type.startswith(PROBLEM):
        return f"the {asked}{_as_content(entry)}"
    return ""


def _as_content(entry: Post | Read) -> str:
    return f" as {entry.content_type or 'no content type'}; expected {PROBLEM}"
