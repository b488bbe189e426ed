"""Delivery: a promised event is stored exactly once, and nothing is stored or mailed that nobody posted. Next: mail.py."""

from __future__ import annotations

from harness.checkers.losses import lost_beyond_claims
from harness.checkers.noise import rest_is_doubtful, weighed
from harness.checkers.promises import (
    excused,
    first_stored_s,
    in_words,
    is_cut_off,
    mails_are_told_apart,
    rows_were_read,
    stored_rows,
    why_no_mail_is_told_apart,
)
from harness.history import Call, History, Pair, Post
from harness.verdict import Verdict, Violation, checker, judged, unknown


@checker("rows")
def every_accepted_event_is_stored_once(history: History) -> Verdict:
    """Every accepted event is stored exactly once, and no other event more than once."""
    rows, promised, excuses = stored_rows(history), history.promised, excused(history) | lost_beyond_claims(history)
    twice = [Violation(f"{pair} is stored {count} times, expected once", pair) for pair, count in rows.items() if count > 1]
    missing = [pair for pair in promised if not rows[pair] and pair not in excuses]
    lost = [Violation(f"{pair} was {in_words(promised[pair])} and has no row: it is lost", pair) for pair in missing]
    if history.is_quiet and rows_were_read(history):
        set_aside = len(lost) if rest_is_doubtful(history) else 0
        found = twice if set_aside else [*lost, *twice]
        verdict = judged(checked=len(promised), violations=found, nothing="no event was accepted")
        return weighed(verdict, set_aside=set_aside, what="events had no row, and nothing moved any more,")
    if twice:
        return judged(checked=len(promised), violations=twice)
    why = "the world was still moving" if not history.is_quiet else "the final rows could not be read"
    return unknown(f"{why}; {len(missing)} of {len(promised)} accepted events had no row yet", checked=len(promised))


@checker("rows")
def nothing_is_invented(history: History) -> Verdict:
    """Every row and every mail belongs to an event that was posted, and a mail to one that asked for it, at that address."""
    posted = history.by_pair(Post)
    stored = {*stored_rows(history), *first_stored_s(history)}
    mails = history.of(Call) if mails_are_told_apart(history) else []
    early = _posts_under_way(history, stored | {mail.pair for mail in mails if mail.pair is not None}, set(posted))
    rows = [Violation(f"{pair} is stored but was never posted", pair) for pair in sorted(stored - set(posted) - early)]
    wrong = [Violation(what, mail.pair) for mail in mails if mail.pair not in early and (what := _what_is_wrong(mail, posted))]
    if not rows and "mails" in history.header.offers and (why := why_no_mail_is_told_apart(history)):
        return unknown(why, checked=len(stored))
    if early and not rows and not wrong:
        told = f"{len(early)} events were seen whose POST may have been under way when the history was cut off"
        return unknown(told, checked=len(stored) + len(mails))
    return judged(checked=len(stored) + len(mails), violations=[*rows, *wrong], nothing="no row and no mail was seen")


def _posts_under_way(history: History, seen: set[Pair], posted: set[Pair]) -> set[Pair]:
    """Events that may have been posted though no entry says so: a POST leaves one when it is answered."""
    return seen - posted if is_cut_off(history) else set()


def _what_is_wrong(mail: Call, posted: dict[Pair, list[Post]]) -> str:
    """Why a mail is an invention; empty if it is none."""
    if mail.pair is None:
        return f"a mail by {mail.process} was taken at {mail.begin_s:.3f} s that names no event" if mail.taken else ""
    posts = posted.get(mail.pair)
    mailed = f"{mail.pair} was mailed by {mail.process} at {mail.begin_s:.3f} s"
    if not posts:
        return f"{mailed} but was never posted"
    taken = [post for post in posts if post.outcome != "failed"] or posts  # what may have been, at least
    if not any(post.wants_mail for post in taken):
        return f"{mailed} but asked for no mail"
    strangers = _strangers(mail, taken)
    return f"{mailed} to {', '.join(strangers)}, which no POST of it names" if strangers else ""


def _strangers(mail: Call, posts: list[Post]) -> list[str]:
    """To whom a mail went though none of the POSTs named them; none where no POST's address is known."""
    named = {post.recipient.casefold() for post in posts if post.recipient}
    return [address for address in mail.recipients if address.casefold() not in named] if named else []
