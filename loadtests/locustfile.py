"""What `locust -f loadtests/locustfile.py --host http://...` opens: the options, the user, and what happens around a test.

Locust's own options say how many users there are (each one a stream), for how long (--run-time) and whether there is a page
(--headless). It exits with 0 unless the tool itself broke (70): a verdict on the service is made elsewhere, from the record.
Several machines: `--master` on one, `--worker --master-host ...` on the others, each with a checkout and a clock kept by NTP.
"""

from __future__ import annotations

import gc
import inspect
import logging
import signal
import sys
from pathlib import Path
from typing import Any

import gevent
from locust import events

sys.path.append(str(Path(__file__).resolve().parent.parent))  # `locust` finds this file, not the package it stands in

from loadtests import numbers, sessions
from loadtests.options import Settings, add_options
from loadtests.tabs import add_tabs
from loadtests.user import IngestUser

__all__ = ["IngestUser"]

WRONG_USAGE = 2
logger = logging.getLogger(__name__)


def attach(environment: Any, **_: Any) -> None:
    """Begin a session in this process, after --processes has made the others."""
    require_usable(environment)
    add_tabs(environment)
    session = sessions.open_session(environment)
    environment.events.test_start.add_listener(lambda **_: start(session))
    environment.events.test_stop.add_listener(lambda **_: session.stop())
    environment.events.quitting.add_listener(lambda **_: session.quit())
    gevent.signal_handler(signal.SIGINT, interrupt)


def require_usable(environment: Any) -> None:
    """Without a page nobody can mend the options: end now."""
    options = environment.parsed_options
    if options.headless and not options.worker:
        try:
            Settings.of(options, environment.host, run="", begins_at=0.0)
        except ValueError as error:
            print(error, file=sys.stderr)
            sys.exit(WRONG_USAGE)


def start(session: sessions.Alone | sessions.Worker | sessions.Master) -> None:
    """A test starts."""
    inspect.stack()  # Locust calls it to stop; the first call reads source files and would hold up the last requests for 30 ms
    # What is loaded by now stays: a garbage collector that looks at all of it again would hold up requests for 25 ms.
    gc.collect()
    gc.freeze()
    try:
        session.start()
    except ValueError as error:  # typed on the page; users will not start, and so end the test
        logger.error("%s", error)


def interrupt() -> None:
    """Ctrl-C, handed to the main greenlet, where Locust expects it. Else it would hit whichever request is running."""
    gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())


hooks: Any = events  # Locust's hooks are not typed
numbers.install()
hooks.init_command_line_parser.add_listener(add_options)
hooks.init.add_listener(attach)
