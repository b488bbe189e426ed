"""A few executions one after the other, in a process that does nothing else: what `campaign` hands out.

What comes back are values, for that process may stand on another machine.
"""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.archive import Execution, RunFolder
from harness.campaign.origin import Origin
from harness.campaign.pool import stoppable
from harness.history import History
from harness.runner import Order, execute
from harness.usage import UsageError
from harness.verdict import Ruling


@dataclass(frozen=True, slots=True)
class Ended:
    """One execution, and the lines of its history if somebody will want to look at it and they are not on disk already."""

    execution: Execution
    history: tuple[str, ...] = ()


def perform(orders: Sequence[Order], *, folder: Path) -> list[Ended]:
    """In a pool process: execute with real processes, whose logs and history are kept."""
    with stoppable():
        return [Ended(_perform_and_keep(order, RunFolder(folder))) for order in orders]


def _perform_and_keep(order: Order, run: RunFolder) -> Execution:
    place = run.execution_folder(order.label, order.world, order.seed)
    performed = execute(order, place)
    if performed.history is None:
        place.rmdir()
        return performed.execution
    run.keep(performed.history, place)
    return dataclasses.replace(performed.execution, folder=run.relative(place))


def simulate_elsewhere(orders: Sequence[Order], *, keep_held: bool, origin: Origin) -> list[Ended]:
    """On a machine that may have other code. Raises UsageError if it does."""
    if what := Origin.of(orders[0]).differs_from(origin):
        raise UsageError(f"A worker on {socket.gethostname()} has {what}; give every worker the same checkout and files.")
    return simulate(orders, keep_held=keep_held)


def simulate(orders: Sequence[Order], *, keep_held: bool) -> list[Ended]:
    """In a process of its own: simulate, with the histories of what did not hold, and of the first that did if it is wished."""
    found: list[Ended] = []
    with stoppable():
        for order in orders:
            performed = execute(order, None)
            holds = performed.execution.ruling is Ruling.HELD
            wished = keep_held if holds else not performed.execution.no_bite
            keep_held = keep_held and not holds
            found.append(Ended(performed.execution, _lines(performed.history) if wished else ()))
    return found


def _lines(history: History | None) -> tuple[str, ...]:
    return () if history is None else tuple(history.lines())
