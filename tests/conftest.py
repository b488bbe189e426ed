"""What every test may rely on: signals mean what they usually mean, however the tests were started."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """`nohup` and `&` hand down ignored signals, and a process that is told to end with one would never hear it."""
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)
