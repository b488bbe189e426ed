"""The command line: parse the words, do the verb (`verbs/`), exit with one documented code.

0 held, 1 violated, 2 wrong usage or configuration, 3 unknown (not decided, or nothing applied), 70 the harness itself broke,
130 interrupted. `unknown` never exits 0.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from harness import systems
from harness.campaign.shard import Shard
from harness.usage import StackBrokenError, UsageError
from harness.verbs import accept, explore, listing, prove, run, stored, ui
from harness.verbs.display import problems
from harness.verdict import Ruling

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

EXIT_CODES = {Ruling.HELD: 0, Ruling.VIOLATED: 1, Ruling.UNKNOWN: 3, Ruling.NOT_APPLICABLE: 3}
HIGHEST_PORT = 65535
EXIT_USAGE, EXIT_BROKEN, EXIT_INTERRUPTED = 2, 70, 130

REPLAY = "repeat one execution: exact in the simulation; with real processes the same plan and seed, other timing"
EPILOG = """exit codes: 0 held, 1 violated, 2 wrong usage or configuration, 3 unknown (could not be decided, or nothing
applied), 70 the harness itself broke, 130 interrupted"""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one verb and exit."""
    signal.signal(signal.SIGTERM, _interrupt)
    words = parser().parse_args(arguments)
    sys.exit(_exit_code(words.verb, words))


def _exit_code(verb: Callable[[argparse.Namespace], Ruling], words: argparse.Namespace) -> int:
    try:
        return EXIT_CODES[verb(words)]
    except UsageError as error:
        problems.print(f"harness: {error}", markup=False)
        return EXIT_USAGE
    except KeyboardInterrupt:
        problems.print("harness: interrupted; everything it had started is stopped")
        return EXIT_INTERRUPTED
    except StackBrokenError as error:
        problems.print(f"harness: the harness itself broke; this says nothing about the service: {error}", markup=False)
        return EXIT_BROKEN
    except Exception:
        problems.print("harness: the harness itself broke; this says nothing about the service", markup=False)
        traceback.print_exc()
        return EXIT_BROKEN


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def parser() -> argparse.ArgumentParser:
    """Every verb with its options; each ends with one real example."""
    top = argparse.ArgumentParser(
        prog="harness", description="Finds out whether a service which answers 202 keeps its promises.", epilog=EPILOG
    )
    add = top.add_subparsers(required=True, metavar="VERB")

    _add_accept(add)
    _verb(add, "list", listing.list_everything, story="scenarios, faults, checkers, systems", example="harness list")
    for add_verb in (_add_run, _add_load, _add_explore, _add_prove, _add_ui, _add_check, _add_report, _add_replay):
        add_verb(add)
    return top


def _add_accept(add: Verbs) -> None:
    story = "everything: simulate, run for real, write the report"
    verb = _verb(add, "accept", accept.accept, story=story, example="harness accept")
    _add_system(verb)
    _add_seed(verb)
    _add_out(verb)
    verb.add_argument("--quick", action="store_true", help="fewer seeds and fewer real scenarios")


def _add_run(add: Verbs) -> None:
    verb = _verb(add, "run", run.run, story="run scenarios", example="harness run worker_crash --system draft")
    verb.add_argument("scenario", nargs="*", metavar="SCENARIO", help="a name in scenarios/ or a .py file; all without a name")
    _add_system(verb)
    verb.add_argument("--world", choices=("simulated", "real"), help="default: simulated where the system can be, else real")
    _add_seed(verb)
    verb.add_argument("--seeds", type=_positive, default=1, metavar="N", help="so many seeds, from --seed on (default 1)")
    verb.add_argument("--full-traffic", action="store_true", help="simulate the full traffic instead of about 20 events")
    verb.add_argument("--flaw", default="", metavar="FILE", help="plant this flaw into the service, which has to be Python")
    _add_out(verb)
    verb.add_argument("--shard", type=_shard, default=Shard(), metavar="I/N", help="only the I-th of N equal parts of the seeds")
    verb.add_argument("--resume", action="store_true", help="go on with what --out DIR holds; begin if it holds nothing")
    verb.add_argument("--cluster", default="", metavar="ADDRESS", help="simulate on the workers of this Dask scheduler")


def _add_load(add: Verbs) -> None:
    example = "harness load --before sync --after async"
    verb = _verb(add, "load", accept.load, story="before and after under Locust's load, held to the limits", example=example)
    verb.add_argument("--before", metavar="S", help="a system measured beside the judged one, in turns")
    verb.add_argument("--after", default="async", metavar="S", help="the system that is judged (default async)")
    verb.add_argument("--baseline", metavar="RUN", help="a stored load run's folder: what became slower since is violated")
    verb.add_argument("--gate", action="store_true", help="stop as soon as it is decided: for continuous integration")
    verb.add_argument("--load-processes", type=_positive, default=1, metavar="N", help="so many Locust processes (default 1)")
    _add_seed(verb)
    _add_out(verb)


def _add_explore(add: Verbs) -> None:
    story = "search random fault plans; shrink what fails"
    verb = _verb(add, "explore", explore.explore, story=story, example="harness explore --seconds 300")
    _add_system(verb)
    verb.add_argument("--world", choices=("simulated", "real"), help="default: simulated where the system can be, else real")
    verb.add_argument("--seconds", type=_positive, default=60, metavar="N", help="how long to search (default 60)")
    verb.add_argument("--flaw", default="", metavar="FILE", help="plant this flaw into the simulated service")
    _add_seed(verb)
    _add_out(verb)


def _add_prove(add: Verbs) -> None:
    story = "plant every flaw, and show that the checker meant for it sees it"
    verb = _verb(add, "prove", prove.prove, story=story, example="harness prove --world simulated")
    _add_system(verb)
    verb.add_argument("--world", choices=("simulated", "real"), help="in this world only (default: in each that shows a flaw)")
    verb.add_argument("--seeds", type=_positive, default=60, metavar="N", help="at most so many seeds a flaw (default 60)")
    _add_seed(verb)
    _add_out(verb)


def _add_ui(add: Verbs) -> None:
    story = "the system, the faults and Locust's web UI together, until Ctrl-C"
    verb = _verb(add, "ui", ui.ui, story=story, example="harness ui --system draft")
    _add_system(verb)
    verb.add_argument("--port", type=_port, default=8089, metavar="N", help="of Locust's page (default 8089)")
    verb.add_argument("--bind", default="127.0.0.1", metavar="ADDRESS", help="where the page is served (default 127.0.0.1)")
    _add_seed(verb)
    _add_out(verb)


def _add_check(add: Verbs) -> None:
    example = "harness check reports/20261123T180000Z-run"
    verb = _verb(add, "check", stored.check, story="judge a stored history again", example=example)
    verb.add_argument("run", metavar="RUN", help="a run's folder, or one history.jsonl")


def _add_report(add: Verbs) -> None:
    story = "rebuild the report of a stored run, or merge the seeds of several; exits as the run did"
    verb = _verb(add, "report", stored.rebuild_report, story=story, example="harness report reports/20261123T180000Z-accept")
    verb.add_argument("run", nargs="+", metavar="RUN", help="a run's folder; several (shards, say): their seeds in one new run")
    _add_out(verb)


def _add_replay(add: Verbs) -> None:
    example = "harness replay reports/20261123T180000Z-run/scenarios/worker_crash-simulated-7/history.jsonl"
    verb = _verb(add, "replay", stored.replay, story=REPLAY, example=example)
    verb.add_argument("file", metavar="FILE", help="the history.jsonl of one execution")
    _add_out(verb)


def _verb(
    add: Verbs, name: str, verb: Callable[[argparse.Namespace], Ruling], *, story: str, example: str
) -> argparse.ArgumentParser:
    made = add.add_parser(name, help=story, description=f"{story[0].upper()}{story[1:]}.", epilog=f"example: {example}")
    made.set_defaults(verb=verb)
    return made


def _add_system(to: argparse.ArgumentParser) -> None:
    known = ", ".join(systems.built_in())
    to.add_argument("--system", default="async", metavar="S", help=f"{known}, or a system file's path (default async)")


def _add_seed(to: argparse.ArgumentParser) -> None:
    to.add_argument("--seed", type=_seed, default=1, metavar="N", help="the first seed, 0 or more (default 1)")


def _add_out(to: argparse.ArgumentParser) -> None:
    to.add_argument("--out", type=Path, metavar="DIR", help="where results go (default reports/<UTC>-<verb>)")


def _positive(text: str) -> int:
    return _whole_number(text, least=1)


def _shard(text: str) -> Shard:
    try:
        return Shard.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _port(text: str) -> int:
    if (number := _whole_number(text, least=1)) <= HIGHEST_PORT:
        return number
    raise argparse.ArgumentTypeError(f"expected a port from 1 to {HIGHEST_PORT}, not '{text}'")


def _seed(text: str) -> int:
    return _whole_number(text, least=0)


def _whole_number(text: str, *, least: int) -> int:
    with contextlib.suppress(ValueError):
        if (number := int(text)) >= least:
            return number
    raise argparse.ArgumentTypeError(f"expected a whole number from {least} on, not '{text}'")


if __name__ == "__main__":
    main()
