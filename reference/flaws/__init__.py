"""The reference, deliberately broken: one file, one flaw, one sentence. The harness must catch every one of them.

`plant()` is a context manager under which the reference has the flaw, in a simulated world or in a real process; `CAUGHT_BY`
names the checker that is meant to see it, `IN` the scenario that brings it to light. `WORLD = "real"` where only real time,
memory, logs or server flags show it, `"both"` where it is shown with real processes as well; `SYSTEM = "sync"` for a flaw of the
synchronous path. The smallest to copy is `rate_limit_ignored`.
"""

from contextlib import AbstractContextManager, ExitStack
from typing import Any
from unittest.mock import patch

from reference import scripts


def edited(name: str, old: str, new: str) -> AbstractContextManager[Any]:
    """The script `name` with `new` in the place of `old`, which it must hold."""
    sound = scripts.load

    def load(asked: str) -> scripts.Script:
        text = sound(asked).text
        return scripts.Script.of(text.replace(old, new)) if asked == name else sound(asked)

    assert old in sound(name).text, f"the script {name} has changed: it no longer holds {old!r}"
    return patch.object(scripts, "load", load)


def together(*patches: AbstractContextManager[Any]) -> AbstractContextManager[Any]:
    """Several patches as one."""
    stack = ExitStack()
    for each in patches:
        stack.enter_context(each)
    return stack
