"""Tampered histories: one fact of a run that held is changed into a lie, and the checker meant for it must accuse.

It shows, for any system and without touching it, that the harness would have seen the lie had the service told it. The lies are
`lies.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from harness import checkers
from harness.challenge import TAMPERING, Challenge
from harness.checkers.losses import forgettable
from harness.checkers.promises import mails_taken, stored_rows
from harness.history import History, Pair, Read
from harness.prove.lies import LIES, Lie
from harness.report.summary import NEEDS
from harness.verdict import Ruling, Verdict, worst


def challenges(history: History) -> Iterator[Challenge]:
    """What came of every lie told into one history."""
    header = history.header
    judged = {verdict.checker: verdict for verdict in checkers.judge(history)}
    for lie in LIES:
        ruling, reason, accused = _told(lie, history, judged.get(lie.caught_by))
        yield Challenge(
            kind=TAMPERING,
            name=lie.name,
            story=lie.story,
            caught_by=lie.caught_by,
            scenario=header.scenario,
            world=header.world,
            system=header.system,
            ruling=ruling,
            accused=accused,
            seed=header.seed,
            repeat=header.repeat,
            reason=reason,
        )


def summed(histories: Iterable[History]) -> list[Challenge]:
    """Every lie once, with what came of it in all the histories: one that got away once got away. `seeds` counts them."""
    told: dict[str, list[Challenge]] = {}
    for history in histories:
        for challenge in challenges(history):
            told.setdefault(challenge.name, []).append(challenge)
    return [_sum(of_one_lie) for of_one_lie in told.values()]


def _sum(challenges: Sequence[Challenge]) -> Challenge:
    applied = [challenge for challenge in challenges if challenge.ruling in (Ruling.HELD, Ruling.VIOLATED)]
    ruling = worst(challenge.ruling for challenge in applied or challenges)
    shown = next(challenge for challenge in challenges if challenge.ruling is ruling)
    accused = sorted({name for challenge in applied for name in challenge.accused})
    return dataclasses.replace(shown, seeds=len(applied), accused=tuple(accused))


def _told(lie: Lie, history: History, before: Verdict | None) -> tuple[Ruling, str, tuple[str, ...]]:
    """What came of one lie, why it was not seen, and which checkers accused."""
    if before is None:
        return Ruling.NOT_APPLICABLE, f"{history.header.scenario} does not ask for {lie.caught_by}", ()
    if before.ruling is Ruling.NOT_APPLICABLE and before.reason.startswith(NEEDS):
        return Ruling.NOT_APPLICABLE, before.reason, ()
    if before.ruling in (Ruling.VIOLATED, Ruling.UNKNOWN):
        return Ruling.UNKNOWN, f"{lie.caught_by} was {before.ruling} before anything was changed", ()
    changed = next((told for pair in _upright(history) if (told := lie.tell(history, pair)) is not None), None)
    if changed is None:
        return Ruling.NOT_APPLICABLE, "nothing of this kind happened", ()
    after = checkers.judge(changed)
    accused = tuple(verdict.checker for verdict in after if verdict.ruling is Ruling.VIOLATED)
    if lie.caught_by in accused:
        return Ruling.HELD, "", accused
    said = next(one for one in after if one.checker == lie.caught_by)
    if said.ruling in (Ruling.UNKNOWN, Ruling.NOT_APPLICABLE):  # a busy machine convicts nobody; a service may promise less
        return said.ruling, said.reason, accused
    return Ruling.VIOLATED, f"{lie.caught_by} did not accuse", accused


def _upright(history: History) -> Iterator[Pair]:
    """The events of which everything is known to be in order: promised, stored once, mailed once, completed at the end.

    Not those that a loss beyond the claims excuses: of them the service may tell what would be a lie of any other.
    """
    rows, mails, excused = stored_rows(history), mails_taken(history), forgettable(history)
    ends = {read.pair: read.status for read in history.of(Read) if read.final}
    for pair, promise in history.promised.items():
        mailed = len(mails.get(pair, ())) == 1 or "mails" not in history.header.offers
        finished = rows[pair] == 1 and mailed and ends.get(pair) == "completed"
        if finished and promise.wants_mail and not promise.poison and pair not in excused:
            yield pair
