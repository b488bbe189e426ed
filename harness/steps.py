"""Executions step by step, with a bar and a line for what begins, and the words for where somebody interrupted them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness import campaign
from harness.archive import Execution, RunFolder
from harness.campaign import Draw
from harness.display import announce, news_of, progress


@dataclass(frozen=True, slots=True)
class Step:
    """Draws that are carried out together, and what begins when they do, in a line."""

    story: str
    draws: Sequence[Draw]
    news: Callable[[Execution], str] = news_of  # the line that tells of an execution that has ended, "" for none


def carry_out(steps: Sequence[Step], folder: RunFolder) -> str:
    """Carry out every step's draws, which then hold what came of them; histories are kept in the folder.

    Answers "after 12 of 143 executions" if somebody interrupted it when something had ended already, else "". Raises what
    `campaign.run` raises otherwise.
    """
    draws = [draw for step in steps for draw in step.draws]
    wanted = sum(draw.wanted for draw in draws)
    doing = steps[0] if steps else None
    try:
        with progress(wanted, lambda execution: doing.news(execution) if doing else "") as watch:
            for doing in steps:
                announce(doing.story)
                campaign.run(doing.draws, folder=folder.path, watch=watch)
    except KeyboardInterrupt:
        ended = sum(len(draw.executions) for draw in draws)
        if not ended:
            raise
        return f"after {ended} of {max(wanted, ended + 1)} executions"
    return ""


def worth_a_row(draws: Sequence[Draw]) -> list[Execution]:
    """The executions that stand in the results one by one: those asked for alone, and those whose history was kept."""
    return [one for draw in draws for one in draw.executions if draw.wanted == 1 or one.folder]
