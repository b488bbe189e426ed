"""The part of a report about the proof: which planted flaws were caught and by whom, and what the harness could have seen."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import checkers
from harness.archive import RunFolder, write_atomically
from harness.challenge import FLAW, TAMPERING, Challenge
from harness.markup.markdown import plain, table
from harness.prove import agreement
from harness.prove.picture import picture
from harness.report.matrix import told
from harness.results import Results
from harness.verdict import Ruling

PICTURE = "flaws.svg"


def of(folder: RunFolder, results: Results) -> Iterator[str]:
    """The chapter, nothing if the run proves nothing. Writes its picture on the way."""
    flaws = [challenge for challenge in results.proof if challenge.kind == FLAW]
    lies = [challenge for challenge in results.proof if challenge.kind == TAMPERING]
    if flaws:
        write_atomically(folder.path / PICTURE, picture(flaws))
        yield from _flaws(flaws)
    if lies:
        yield from _lies(lies)
    if results.proof:
        yield from agreement.of(results)
        yield from _sight(results)


def in_a_sentence(results: Results) -> str:
    """What the proof comes to, for the first lines of a report and the last ones of a terminal."""
    flaws = [challenge for challenge in results.proof if challenge.kind == FLAW]
    lies = [
        challenge for challenge in results.proof if challenge.kind == TAMPERING and challenge.ruling is not Ruling.NOT_APPLICABLE
    ]
    parts = [f"{_caught(flaws)} planted flaws were caught by the checker meant for each"] if flaws else []
    parts += [f"{_caught(lies)} lies told into histories that had held were seen"] if lies else []
    return f"{' and '.join(parts)}." if parts else ""


def _caught(challenges: Sequence[Challenge]) -> str:
    return f"{sum(challenge.is_caught for challenge in challenges)} of {len(challenges)}"


def _flaws(challenges: Sequence[Challenge]) -> Iterator[str]:
    yield "## Planted flaws"
    yield ""
    yield (
        "The service, deliberately broken in one known way at a time. *seed* is the first schedule in which the checker meant "
        "for the flaw accused, *tried* how many that took, *CPU s* what they cost together (real processes are not counted). The "
        " controls, the sound service under the same schedules, stand below among the scenarios."
    )
    yield ""
    yield f"![Flaw by flaw, the checkers that accused]({PICTURE})"
    yield ""
    yield from table(
        ["flaw", "ruling", "caught by", "in", "world", "seed", "tried", "CPU s", "what it is"],
        [_flaw(challenge) for challenge in sorted(challenges, key=lambda challenge: (challenge.is_caught, challenge.name))],
        right=["seed", "tried", "CPU s"],
    )
    yield ""
    simulated = [challenge.cpu_s for challenge in challenges if challenge.world == "simulated" and challenge.is_caught]
    if simulated:
        yield f"Simulated flaws took a median of {statistics.median(simulated):.2f} s of CPU, at most {max(simulated):.2f} s."
        yield ""


def _flaw(challenge: Challenge) -> list[str]:
    name = (
        f"[{plain(challenge.name)}]({Path(challenge.folder, 'history.jsonl').as_posix()})"
        if challenge.folder
        else plain(challenge.name)
    )
    seed = "" if challenge.seed is None else f"{challenge.seed:,}"
    cpu = f"{challenge.cpu_s:.2f}" if challenge.world == "simulated" else ""
    story = plain(challenge.story) if challenge.is_caught else f"{plain(challenge.story)} **{plain(challenge.reason)}**"
    system = "" if challenge.system == "async" else f", {plain(challenge.system)}"
    return [
        name,
        _shown(challenge),
        plain(challenge.caught_by),
        plain(challenge.scenario) + system,
        challenge.world,
        seed,
        f"{challenge.seeds:,}",
        cpu,
        story,
    ]


def _lies(challenges: Sequence[Challenge]) -> Iterator[str]:
    yield "## Tampered histories"
    yield ""
    yield (
        "One fact of a run that had held is changed into a lie and the history is judged again: had the service told it, the "
        "checker would have accused. *histories* is in how many of this run's there was something to change."
    )
    yield ""
    rows = [
        [plain(one.name), _shown(one), plain(one.caught_by), f"{one.seeds:,}" if one.seeds else "", plain(_what(one))]
        for one in challenges
    ]
    yield from table(["lie", "ruling", "seen by", "histories", "what it is"], rows, right=["histories"])
    yield ""


def _what(challenge: Challenge) -> str:
    return challenge.story if challenge.is_caught else f"{challenge.story} ({challenge.reason})"


def _sight(results: Results) -> Iterator[str]:
    """Which claims could be judged at all, and by what it was shown that the harness sees a breach of them."""
    yield "## What the harness could judge"
    yield ""
    known = checkers.stories()
    judged = {name: [one for one in _verdicts(results) if one[0] == name] for name in known}
    rows = []
    for name, claim in known.items():
        shown = [challenge for challenge in results.proof if challenge.caught_by == name and challenge.is_caught]
        rows.append([plain(name), _judged(judged[name]), _breaches(shown), plain(claim)])
    yield from table(["checker", "judged", "a breach of it was seen in", "claim"], rows)
    yield ""


def _verdicts(results: Results) -> Iterator[tuple[str, Ruling, str]]:
    for execution in results.scenarios:
        for verdict in execution.verdicts:
            yield verdict.checker, verdict.ruling, verdict.reason


def _judged(verdicts: Sequence[tuple[str, Ruling, str]]) -> str:
    decided = sum(ruling in (Ruling.HELD, Ruling.VIOLATED) for _, ruling, _ in verdicts)
    if decided:
        return f"yes, in {decided:,} histor{'y' if decided == 1 else 'ies'}"
    reasons = list(dict.fromkeys(reason for _, _, reason in verdicts if reason))
    return f"no: {plain(reasons[0])}" if reasons else "no scenario of this run asks for it"


def _breaches(challenges: Sequence[Challenge]) -> str:
    flaws, lies = (sum(challenge.kind == kind for challenge in challenges) for kind in (FLAW, TAMPERING))
    parts = [
        f"{number} {word}{'s' if number > 1 else ''}" for number, word in ((flaws, "flaw"), (lies, "tampered history")) if number
    ]
    return ", ".join(parts).replace("historys", "histories") or "none"


def _shown(challenge: Challenge) -> str:
    words = {Ruling.HELD: "✓ caught", Ruling.VIOLATED: "✗ survived"}
    return words.get(challenge.ruling, told(challenge.ruling)).replace(" ", "\N{NO-BREAK SPACE}")
