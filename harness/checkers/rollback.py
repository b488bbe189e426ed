"""Rollback: a flag that is turned while the service runs is followed at once. Next: evidence.py."""

from __future__ import annotations

from harness.checkers.noise import not_held_up, weighed
from harness.checkers.promises import is_acceptance, planned_fault
from harness.history import History, Lifecycle, Post, Suffered
from harness.verdict import Verdict, Violation, judged, not_applicable, parameterised

TURNS = "FlagFlips"
COMMAND = "flag"  # under this name the commands that turn it stand in the history
WRONG_WAY = {0: "accepted", 100: "processed"}  # what nobody may be answered any more; a share in between forbids nothing


@parameterised("flag")
def the_flag_is_followed(history: History, *, within_seconds: float) -> Verdict:
    """A flag that sends nothing, or everything, to the queue is followed within {within_seconds} s."""
    flips = [fault for fault in history.of(Suffered) if fault.name == TURNS and _percent(history, fault) in WRONG_WAY]
    if not flips:
        return not_applicable("the flag was not turned to 0 or to 100")
    judged_posts, astray = [], []
    for fault in flips:
        posts = _taken_under(history, fault, within_seconds=within_seconds)
        judged_posts += posts
        astray += [post for post in posts if post.answer == WRONG_WAY[_percent(history, fault)]]
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


def _percent(history: History, fault: Suffered) -> int:
    return int(planned_fault(history, fault).get("settings", {}).get("percent", -1))


def _taken_under(history: History, fault: Suffered, *, within_seconds: float) -> list[Post]:
    """The events taken while the flag stood: begun some time after its command had ended, answered before the next began."""
    turns = [entry for entry in history.of(Lifecycle) if entry.process == COMMAND and fault.begin_s <= entry.at_s <= fault.end_s]
    set_s = [entry.at_s for entry in turns if entry.what == "exited" and entry.exit_code == 0][:1]
    if turns[1:2] and turns[1].exit_code != 0:
        return []  # the command that was to turn it failed
    cleared_s = [entry.at_s for entry in turns if entry.what == "started"][1:]
    until_s = cleared_s[0] if cleared_s else fault.end_s
    return [
        post
        for post in history.of(Post)
        if is_acceptance(post) and set_s and set_s[0] + within_seconds <= post.begin_s and post.end_s <= until_s
    ]
