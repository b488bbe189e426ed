"""Rounds in turns, and what may be said of them: figures of a machine that others keep busy are shown and judge nobody.

Ratios are taken inside one round, whose arms had the same neighbours, and the median of the rounds counts.
"""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from tests.benchmarks.stack import others_share

MOST_SHARE = 0.15  # of the machine's CPU, used by others, for a round that counts as quiet
ENOUGH = 3


@dataclass
class Rounds:
    """What each arm did in each round, and how busy others were around it."""

    figures: dict[str, list[float]] = field(default_factory=dict)
    shares: list[float] = field(default_factory=list)

    async def run(self, arms: Sequence[str], measure: Callable[[str, int], Awaitable[float]], *, rounds: int) -> None:
        """Measure every arm once a round, each round beginning with another one. Round 0 warms up and is forgotten."""
        for number in range(rounds + 1):
            at = number % len(arms)
            before, found = await others_share(), {}
            for arm in (*arms[at:], *arms[:at]):
                found[arm] = await measure(arm, number)
            if number > 0:
                self.shares.append(max(before, await others_share()))
                for arm in arms:
                    self.figures.setdefault(arm, []).append(found[arm])

    @property
    def is_quiet(self) -> bool:
        """Whether enough rounds were undisturbed."""
        return sum(share <= MOST_SHARE for share in self.shares) >= ENOUGH

    def median(self, arm: str) -> float:
        """The arm's median, of the quiet rounds if there are enough."""
        return statistics.median(self.figures[arm][n] for n in self._counted())

    def ratio(self, arm: str, other: str) -> float:
        """The median of ``arm`` by ``other``, round by round."""
        return statistics.median(self.figures[arm][n] / self.figures[other][n] for n in self._counted())

    def told(self) -> dict[str, object]:
        """For a benchmark's ``extra_info``."""
        quiet = sum(share <= MOST_SHARE for share in self.shares)
        return {arm: round(self.median(arm), 1) for arm in self.figures} | {
            "rounds": len(self.shares),
            "quiet_rounds": quiet,
            "others_used": [round(share, 2) for share in self.shares],
        }

    def require_quiet(self) -> None:
        """Skip what comes next where the machine was too busy to judge anybody."""
        if not self.is_quiet:
            busy = ", ".join(f"{share:.0%}" for share in self.shares)
            pytest.skip(f"unknown: others used {busy} of the machine around the rounds; the figures are in extra_info")

    def _counted(self) -> list[int]:
        quiet = [n for n, share in enumerate(self.shares) if share <= MOST_SHARE]
        return quiet if self.is_quiet else list(range(len(self.shares)))


def judge(held: Mapping[str, bool]) -> None:
    """Fail with every figure that is not as it should be."""
    missed = [claim for claim, is_true in held.items() if not is_true]
    assert not missed, "; ".join(missed)
