"""The toy service (`toy.py`, `toy.toml`) as a system, and a real world it is opened in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from harness import systems
from harness.faults import Planned
from harness.history import Header, History
from harness.systems import System
from harness.worlds.real.world import RealWorld
from harness.worlds.world import Stage

TOY = Path(__file__).with_name("toy.toml")
Change = Callable[[str], str]


def toy(tmp_path: Path, change: Change = lambda text: text) -> System:
    """The toy's system file, changed."""
    text = change(TOY.read_text()).replace('"toy.py"', f'"{TOY.with_suffix(".py")}"')
    (tmp_path / "toy.toml").write_text(text)
    return systems.load(str(tmp_path / "toy.toml"))


@asynccontextmanager
async def opened(system: System, tmp_path: Path, *, plan: Sequence[Planned] = (), **stage: Any) -> AsyncIterator[RealWorld]:
    history = History(Header(scenario="toy", system="toy", world="real", seed=1))
    shown = Stage(system=system, history=history, seed=1, plan=plan, folder=tmp_path / "logs", **stage)
    async with RealWorld.open(shown) as world:
        world.begin()
        yield world
