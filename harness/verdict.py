"""Verdicts: what a checker says of a history, and how several of them become one ruling.

A checker is a pure function of a history, wrapped in a `Checker` by `@checker` so that it has a name, a claim (the first line
of its docstring) and the things it needs to see. Next: `checkers/`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from harness.history import History, Pair


class Ruling(StrEnum):
    """held, violated, unknown (could not be decided), or not_applicable (there is nothing to judge here)."""

    HELD = "held"
    VIOLATED = "violated"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


_WORST_FIRST = (Ruling.VIOLATED, Ruling.UNKNOWN, Ruling.HELD)


def worst(rulings: Iterable[Ruling]) -> Ruling:
    """The worst of several rulings: violated > unknown > held. What is not applicable does not count; nothing left is
    not applicable."""
    seen = set(rulings)
    return next((ruling for ruling in _WORST_FIRST if ruling in seen), Ruling.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise, in one sentence, and the event it was made for (None if it concerns the service as a whole)."""

    what: str
    pair: Pair | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one checker says: the ruling, how many things it looked at, and every violation."""

    ruling: Ruling
    checked: int = 0
    violations: tuple[Violation, ...] = ()
    reason: str = ""  # why it is unknown or not applicable
    noisy: bool = False  # it is unknown because this machine was too busy to tell
    checker: str = ""
    claim: str = ""

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Verdict:
        """The verdict `dataclasses.asdict` made data of. Raises KeyError, TypeError or ValueError if it is none."""
        violations = tuple(Violation(one["what"], Pair(*one["pair"]) if one["pair"] else None) for one in data["violations"])
        return cls(**(dict(data) | {"ruling": Ruling(data["ruling"]), "violations": violations}))


def judged(*, checked: int, violations: Sequence[Violation] = (), nothing: str = "there was nothing to judge") -> Verdict:
    """Violated if there are violations, unknown if nothing was checked (`nothing` says what was missing), else held."""
    if violations:
        return Verdict(ruling=Ruling.VIOLATED, checked=checked, violations=tuple(violations))
    if checked == 0:
        return Verdict(ruling=Ruling.UNKNOWN, reason=nothing)
    return Verdict(ruling=Ruling.HELD, checked=checked)


def unknown(reason: str, *, checked: int = 0, noisy: bool = False) -> Verdict:
    """It could not be decided, and why; `noisy` if on a machine that is less busy it might have been."""
    return Verdict(ruling=Ruling.UNKNOWN, checked=checked, reason=reason, noisy=noisy)


def not_applicable(reason: str) -> Verdict:
    """There is nothing to judge in this system or run, and why."""
    return Verdict(ruling=Ruling.NOT_APPLICABLE, reason=reason)


@dataclass(frozen=True, slots=True)
class Checker:
    """A named pure function of a history. `needs` are names that must stand in the header's `offers`."""

    name: str
    claim: str
    judge: Callable[[History], Verdict]
    needs: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __call__(self, history: History) -> Verdict:
        missing = [need for need in self.needs if need not in history.header.offers]
        verdict = not_applicable(f"needs {missing[0]}, which the system file does not offer") if missing else self.judge(history)
        return dataclasses.replace(verdict, checker=self.name, claim=self.claim.format(**self.arguments))

    def to_data(self) -> dict[str, Any]:
        """How a history's header names this checker."""
        return {"checker": self.name, "arguments": dict(self.arguments)}


@dataclass(frozen=True, slots=True)
class Parameterised:
    """A checker that waits for its arguments: `ingest_stays_fast(p95_ms=50)`."""

    name: str
    claim: str
    function: Callable[..., Verdict]
    needs: tuple[str, ...] = ()

    def __call__(self, **arguments: float) -> Checker:
        judge = functools.partial(self.function, **arguments)
        return Checker(self.name, self.claim, judge, self.needs, arguments)


def checker(*needs: str) -> Callable[[Callable[[History], Verdict]], Checker]:
    """Make a checker of a function `history -> Verdict`. The first line of its docstring is the claim it judges."""

    def wrap(function: Callable[[History], Verdict]) -> Checker:
        return Checker(function.__name__, _claim(function), function, needs)

    return wrap


def parameterised(*needs: str) -> Callable[[Callable[..., Verdict]], Parameterised]:
    """Make a checker of `(history, *, limits...) -> Verdict`; its claim may name the arguments: "within {within_seconds} s"."""

    def wrap(function: Callable[..., Verdict]) -> Parameterised:
        return Parameterised(function.__name__, _claim(function), function, needs)

    return wrap


def _claim(function: Callable[..., Verdict]) -> str:
    return (function.__doc__ or function.__name__).strip().splitlines()[0]
