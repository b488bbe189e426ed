"""Idempotency: one acceptance per event, and every repetition points to it or is refused. Next: status.py."""

from __future__ import annotations

import math

from harness.checkers.losses import forgets_s
from harness.checkers.promises import REFUSED_FOR_NOW, STATUSES, in_words, is_acceptance, is_cut_off, is_refused, is_unknown
from harness.history import History, Pair, Post
from harness.verdict import Verdict, Violation, checker, judged, not_applicable, unknown

BASELESS = "nothing posted before can have been taken"


@checker()
def one_acceptance_per_pair(history: History) -> Verdict:
    """No event is accepted twice: of its answers that reached a client, at most one says accepted or processed."""
    accepted: dict[tuple[Pair, int], list[list[Post]]] = {}  # in rounds: after the window an event may be accepted anew
    forgotten_s = forgets_s(history)  # whoever has forgotten an event may take it anew, once
    window_s = (history.header.claims.get("dedupe_window_hours") or math.inf) * 3600
    for post in history.of(Post):
        if is_acceptance(post):
            rounds = accepted.setdefault((post.pair, sum(post.begin_s > at_s for at_s in forgotten_s)), [])
            if not rounds or post.begin_s > rounds[-1][-1].end_s + window_s:
                rounds.append([])
            rounds[-1].append(post)
    violations = [
        Violation(f"{pair} was accepted {len(posts)} times: {_answers(posts)}; expected one and then duplicate", pair)
        for (pair, _), rounds in accepted.items()
        for posts in rounds
        if len(posts) > 1
    ]
    return judged(checked=len(accepted), violations=violations, nothing="no event was accepted")


@checker()
def duplicates_point_to_their_event(history: History) -> Verdict:
    """Every duplicate points to an event that may have been taken, and no identical repetition of a promised event is refused."""
    posts = history.by_pair(Post)
    promising = [post for posts_of_pair in posts.values() for post in posts_of_pair if post.promises]
    duplicates = [post for post in promising if post.answer == "duplicate"]
    false = [
        Violation(f"{post.pair} was {in_words(post)}, but {wrong}", post.pair)
        for post in duplicates
        for wrong in _misstated(post)
    ]
    baseless = [post for post in duplicates if not _may_point_to_one(post, posts[post.pair])]
    if not is_cut_off(history):  # else the POST that was accepted may have been under way
        false += [Violation(f"{post.pair} was {in_words(post)}, but {BASELESS}", post.pair) for post in baseless]
    refused = [
        Violation(f"{pair} was posted again unchanged and answered {post.http_status}; expected 200 duplicate", pair)
        for pair, promise in history.promised.items()
        for post in posts[pair]
        if _is_repetition(post, promise) and is_refused(post) and post.http_status not in (None, *REFUSED_FOR_NOW)
    ]
    if baseless and not false and not refused:
        return unknown(f"{len(baseless)} duplicates were answered before the history shows an acceptance", checked=len(promising))
    return judged(checked=len(promising), violations=[*false, *refused], nothing="no event was accepted")


@checker()
def a_changed_payload_is_refused(history: History) -> Verdict:
    """An event posted again with another payload is refused with 422."""
    promised = history.promised
    contradictions = [post for post in history.of(Post) if post.pair in promised and _contradicts(post, promised[post.pair])]
    if not contradictions:
        return not_applicable("no accepted event was posted again with another payload")
    decided = [post for post in contradictions if not is_unknown(post) and post.http_status not in (None, *REFUSED_FOR_NOW)]
    violations = [
        Violation(f"{post.pair} was posted with another payload and answered {_answer(post)}; expected 422", post.pair)
        for post in decided
        if post.http_status != 422
    ]
    if not decided:
        return unknown("no post with another payload got a definite answer")
    return judged(checked=len(decided), violations=violations)


def _contradicts(post: Post, promise: Post) -> bool:
    """Posted with another payload than was promised: afterwards, or at the same moment and promised as well."""
    return post.payload != promise.payload and (post.begin_s >= promise.end_s or post.promises)


def _may_point_to_one(duplicate: Post, posts: list[Post]) -> bool:
    """Whether any other post of that event can have been taken before this answer."""
    others = [post for post in posts if post is not duplicate and post.begin_s < duplicate.end_s]
    return any(is_acceptance(post) or is_unknown(post) for post in others)


def _misstated(duplicate: Post) -> list[str]:
    """What the answer `duplicate` itself says wrong."""
    wrong = []
    if duplicate.original_id != duplicate.pair.id:
        wrong.append(f"its original_id is {duplicate.original_id!r}, expected {duplicate.pair.id!r}")
    if duplicate.current_status not in STATUSES:
        wrong.append(f"its current_status is {duplicate.current_status!r}, expected one of {', '.join(STATUSES)}")
    return wrong


def _is_repetition(post: Post, promise: Post) -> bool:
    return post.payload == promise.payload and post.begin_s >= promise.end_s


def _answers(posts: list[Post]) -> str:
    return ", ".join(f"{post.answer} at {post.end_s:.3f} s by {post.process or 'the API'}" for post in posts)


def _answer(post: Post) -> str:
    return f"{post.http_status} {post.answer}" if post.answer else f"{post.http_status}"
