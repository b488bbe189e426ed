"""The options that Locust's command line and page get from us, and the same as one frozen value.

Values that the page offers stay text until a test starts, because the page puts text there; each is checked when it is typed.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from loadtests.schedule import ARRIVALS, Arrivals, Shape, Stream, Window
from loadtests.workload import Mix

SHOWN = ("post_rate", "read_rate", "arrivals", "shape", "mailed", "duplicates", "seed", "timeout", "window", "target", "start_at")
LOCUSTS_OWN = ("num_users", "run_time", "host", "processes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One run, ready to go. Rates are per second and user; `begins_at` is in Unix seconds."""

    run: str
    begins_at: float
    posts: Stream
    reads: Stream
    mix: Mix
    seed: int
    timeout_s: float
    targets: tuple[str, ...]
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, options: argparse.Namespace, host: str | None, *, run: str, begins_at: float) -> Settings:
        """From what was typed; `host` is Locust's own. Raises ValueError with a sentence."""
        targets = tuple(options.target or ()) or ((address_of(host),) if host else ())
        if not targets:
            raise ValueError("Nobody to send to: give --host http://HOST:PORT, or --target once for each API process.")
        shape = Shape.parse(options.shape)
        window = Window.parse(options.window) if options.window else None
        arrivals = arrivals_of(options.arrivals)
        return cls(
            run=run,
            begins_at=begins_at,
            posts=Stream(rate_of(options.post_rate), arrivals, shape, window),
            reads=Stream(rate_of(options.read_rate), arrivals, shape, window),
            mix=Mix(share_of(options.mailed), share_of(options.duplicates)),
            seed=int(options.seed),
            timeout_s=seconds_of(options.timeout),
            targets=targets,
            headers=tuple(header_of(text) for text in options.header or ()),
        )


def shown(options: argparse.Namespace) -> dict[str, Any]:
    """What the record says of the options. Of headers only the names: a key may be the value."""
    names = [text.partition(":")[0] for text in options.header or ()]
    return {name: getattr(options, name, None) for name in SHOWN + LOCUSTS_OWN} | {"header": names}


def add_options(parser: Any) -> None:
    """Add ours to Locust's parser. (Not as a group: Locust shows an argument group's options nowhere on its page.)"""
    add = parser.add_argument
    add("--post-rate", type=_checked(rate_of, float), default=50.0, help="POSTs a second of each user (50)")
    add("--read-rate", type=_checked(rate_of, float), default=50.0, help="status GETs a second of each user (50)")
    add("--arrivals", type=_checked(arrivals_of), default="poisson", help="poisson or constant (poisson)")
    add(
        "--shape",
        type=_checked(Shape.parse),
        default="flat",
        help="flat, steps:1x10,2x10 (factor x seconds) or spike:5@20+10",
    )
    add("--mailed", type=_checked(share_of, float), default=0.5, help="share of the events that ask for a mail (0.5)")
    add("--duplicates", type=_checked(share_of, float), default=0.0, help="share of the POSTs that repeat an accepted event (0)")
    add("--seed", type=int, default=1, help="equal seeds give equal arrivals (1)")
    add("--timeout", type=_checked(seconds_of, float), default=10.0, help="seconds after which an answer counts as missing (10)")
    _add_for_programs(lambda *names, **how: add(*names, include_in_web_ui=False, **how))


def _add_for_programs(add: Callable[..., Any]) -> None:
    add("--target", action="append", type=_checked(address_of), help="base URL of an API process; once for each (--host)")
    add("--header", action="append", type=_checked(header_of), help="'Name: value', sent with every request; repeatable")
    add("--record", default="", help="write every request to this file, as JSON lines")
    add("--run", type=_checked(run_of), default="", help="first part of the event ids; must be new each time (made up)")
    add("--window", type=_checked(Window.parse), help="OFFSET/LENGTH/PERIOD in seconds: send only inside")
    add("--start-at", type=float, default=0.0, help="Unix seconds at which the schedule begins (when the test starts)")


def rate_of(text: Any) -> float:
    """Requests a second, zero for none. Raises ValueError."""
    return _number(text, "a rate", low=0, high=100_000)


def share_of(text: Any) -> float:
    """Between 0 and 1. Raises ValueError."""
    return _number(text, "a share", low=0, high=1)


def seconds_of(text: Any) -> float:
    """A time-out. Raises ValueError."""
    return _number(text, "a time-out in seconds", low=0.001, high=600)


def arrivals_of(text: str) -> Arrivals:
    """Raises ValueError."""
    for known in ARRIVALS:
        if text == known:
            return known
    raise ValueError(f"'{text}' is no arrival process: write {' or '.join(ARRIVALS)}")


def address_of(text: str) -> str:
    """Raises ValueError."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"'{text}' is no address: write http://HOST:PORT")
    return text


def header_of(text: str) -> tuple[str, str]:
    """Name and value. Raises ValueError."""
    name, colon, value = text.partition(":")
    if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or not value.isprintable():
        raise ValueError("a header is written 'Name: value'")  # without the value: it may be a key
    return name, value.strip()


def run_of(text: str) -> str:
    """Ids begin with it and stand in a path. Raises ValueError."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,100}", text):
        raise ValueError(f"'{text}' is no name for a run: use letters, digits, '.', '_' and '-', at most 100")
    return text


def _number(text: Any, what: str, *, low: float, high: float) -> float:
    try:
        number = float(text)
    except (TypeError, ValueError):
        number = -1.0
    if not low <= number <= high:
        raise ValueError(f"'{text}' is not {what}: write a number from {low:g} to {high:g}")
    return number


def _checked(parse: Callable[[str], Any], keep: Callable[[str], Any] = str) -> Callable[[str], Any]:
    """For argparse: fails with `parse`'s sentence, and keeps the value plain, as the page and the workers need it."""

    def check(text: str) -> Any:
        try:
            parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
        return keep(text)

    return check
