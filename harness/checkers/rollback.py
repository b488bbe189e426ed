"""Rollback: a flag that is turned while the service runs is followed at once. Next: evidence.py."""

from __future__ import annotations

from harness.checkers.noise import not_held_up, weighed
from harness.checkers.promises import is_acceptance, planned_fault, setting
from harness.faults import FLAG_COMMAND, FlagFlips
from harness.history import History, Lifecycle, Post, Suffered
from harness.verdict import Verdict, Violation, judged, not_applicable, parameterised

WRONG_WAY = {0: "accepted", 100: "processed"}  # what nobody may be answered any more; a share in between forbids nothing


@parameterised("flag")
def the_flag_is_followed(history: History, *, within_seconds: float) -> Verdict:
    """A flag that sends nothing, or everything, to the queue is followed within {within_seconds} s."""
    turns = [fault for fault in history.of(Suffered) if fault.name == FlagFlips.__name__]
    flips = [fault for fault in turns if _wrong_way(history, fault)]
    if not flips:
        return not_applicable("the flag was not turned to 0 or to 100")
    judged_posts, astray = [], []
    for fault in flips:
        posts = _taken_under(history, fault, within_seconds=within_seconds)
        judged_posts += posts
        astray += [post for post in posts if post.answer == _wrong_way(history, fault)]
    certain = not_held_up(history, astray, lead_s=within_seconds)
    violations = [
        Violation(
            f"{post.pair} was {post.answer} at {post.end_s:.3f} s by {post.process or 'the API'}, against the flag", post.pair
        )
        for post in certain
    ]
    nothing = f"no event was taken later than {within_seconds:g} s after the flag was turned"
    verdict = judged(checked=len(judged_posts), violations=violations, nothing=nothing)
    return weighed(verdict, set_aside=len(astray) - len(certain), what="events were taken the wrong way")


def _wrong_way(history: History, fault: Suffered) -> str | None:
    """What nobody may be answered while that flag stands; None if it forbids nothing."""
    return WRONG_WAY.get(setting(planned_fault(history, fault), "percent"))


def _taken_under(history: History, fault: Suffered, *, within_seconds: float) -> list[Post]:
    """The events taken while the flag stood: begun some time after it was set, answered before the next command began."""
    stood = _stood(history, fault)
    if stood is None:
        return []
    set_s, until_s = stood
    return [
        post
        for post in history.of(Post)
        if is_acceptance(post) and set_s + within_seconds <= post.begin_s and post.end_s <= until_s
    ]


def _stood(history: History, fault: Suffered) -> tuple[float, float] | None:
    """From the end of the command that set the flag until the next one begins, in seconds.

    None if it did not end well (who knows what it did), or ran beside another (who knows which had the last word).
    """
    commands = [entry for entry in history.of(Lifecycle) if entry.process == FLAG_COMMAND]
    before = [entry.what for entry in commands if entry.at_s < fault.begin_s]
    own = [entry for entry in commands if fault.begin_s <= entry.at_s <= fault.end_s]
    ran_alone = before.count("started") == before.count("exited") and [entry.what for entry in own[:2]] == ["started", "exited"]
    if not ran_alone or own[1].exit_code != 0:
        return None
    return own[1].at_s, own[2].at_s if len(own) > 2 else fault.end_s
