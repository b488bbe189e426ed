"""What happens when a test starts and stops: alone, in a worker, in the master. One session for each process of Locust.

However Locust ends (run time over, the page's Stop, SIGTERM, Ctrl-C), a run ends the same way: no new requests, wait for
those in flight, write the rest, write the last line.
"""

from __future__ import annotations

import logging
import secrets
import time
from pathlib import Path
from typing import Any

from locust import log as locust_log
from locust.runners import STATE_INIT, STATE_STOPPED, MasterRunner, WorkerRunner

from loadtests.clock import now
from loadtests.options import Settings, shown
from loadtests.record import Counts, RecordFile, cut, end, header
from loadtests.relay import FINISH, KEPT, RECORDS, Collector, Shipment
from loadtests.run import GRACE_S, Run
from loadtests.user import IngestUser

BROKEN = 70  # exit code: the tool failed. What the service did never makes it fail.
WORKERS_SEND_WITHIN_S = 5.0
KEPT_WITHIN_S = 5.0

logger = logging.getLogger(__name__)


class Alone:
    """Locust in one process: it sends, and it writes the file."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._starts = Starts()
        self._file: RecordFile | None = None
        self._run: Run | None = None
        self._counts = Counts()
        self._broken = False

    def start(self) -> None:
        """Locust's test_start."""
        options = self._environment.parsed_options
        IngestUser.run_of_test = self._run = None
        settings = self._starts.next(options, self._environment.host)
        self._run = Run(settings, worker=0, deliver=self._deliver if options.record else None)
        self._file = self._starts.open_file(options, settings) if options.record else None
        self._counts = Counts()
        IngestUser.run_of_test = self._run

    def stop(self) -> None:
        """Locust's test_stop: its users have ended."""
        if self._run is not None:
            self._run.finish()
            self._broken = self._broken or self._run.broken
            if self._file is not None and not self._file.is_closed:
                self._file.write(cut("requests did not end within their time-out"))
                self._file.close()

    def quit(self) -> None:
        """Locust is about to end."""
        self._environment.runner.stop()
        set_exit_code(self._environment, broken=self._broken)

    def _deliver(self, lines: str, counts: Counts, *, last: bool) -> None:
        assert self._file is not None
        self._counts += counts
        self._file.write(lines)
        if last:
            self._file.write(end(self._counts))
            self._file.close()


class Worker:
    """A process that sends, and ships its records to the master."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._runner = environment.runner
        self._shipment: Shipment | None = None
        self._run: Run | None = None
        self._runner.register_message(FINISH, self._finish, concurrent=True)
        self._runner.register_message(KEPT, self._kept)

    def start(self) -> None:
        """The master has said what is run and from when, in the options it sent."""
        options = self._environment.parsed_options
        IngestUser.run_of_test = self._run = None
        if not options.run_of_test:
            return  # the master has said why
        settings = Settings.of(options, self._environment.host, run=options.run_of_test, begins_at=options.run_begins_at)
        self._shipment = Shipment(self._runner, settings.run) if options.record else None
        self._run = IngestUser.run_of_test = Run(settings, worker=self._runner.worker_index, deliver=self._shipment)

    def stop(self) -> None:
        """The users have ended."""
        if self._run is not None:
            self._run.finish()

    def quit(self) -> None:
        """This process is about to end, perhaps on its own (Ctrl-C reaches every process of a terminal)."""
        self._runner.stop()
        if self._run is not None and self._shipment is not None and not self._run.broken:
            self._shipment.wait_until_kept(seconds=KEPT_WITHIN_S)
        set_exit_code(self._environment, broken=self._run is not None and self._run.broken)

    def _finish(self, *, environment: Any, msg: Any) -> None:
        if self._run is None or self._run.settings.run != msg.data["run"]:  # had no users: nothing to send, but say so
            return Shipment(self._runner, msg.data["run"])("", Counts(), last=True)
        if self._runner.state != STATE_STOPPED:
            self._runner.stop()
        return self._run.finish()

    def _kept(self, *, environment: Any, msg: Any) -> None:
        if self._run is not None and self._shipment is not None and self._run.settings.run == msg.data["run"]:
            self._shipment.is_kept = True


class Master:
    """The process that writes the file, and sends nothing itself."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._runner = environment.runner
        self._starts = Starts()
        self._collector: Collector | None = None
        self._broken = False
        self._runner.register_message(RECORDS, self._take)

    def start(self) -> None:
        """Decide what all workers must agree on; Locust sends them every option it does not know itself."""
        options = self._environment.parsed_options
        self._collector, options.run_of_test = None, ""
        settings = self._starts.next(options, self._environment.host)
        options.run_of_test, options.run_begins_at = settings.run, settings.begins_at
        if options.record:
            self._collector = Collector(self._runner, settings.run, self._starts.open_file(options, settings))

    def stop(self) -> None:
        """Locust's test_stop. Its own farewell comes later, and waits half a second for reports and no longer."""
        if self._collector is not None:
            patience_s = float(self._environment.parsed_options.timeout) + GRACE_S + WORKERS_SEND_WITHIN_S
            self._collector.finish(seconds=patience_s)
            self._broken = self._broken or not self._collector.is_complete

    def quit(self) -> None:
        """Locust is about to end."""
        if self._runner.state not in (STATE_INIT, STATE_STOPPED):
            self._runner.stop(send_stop_to_client=False)
        set_exit_code(self._environment, broken=self._broken)

    def _take(self, *, environment: Any, msg: Any) -> None:
        if self._collector is not None:
            self._collector.take(msg.node_id, msg.data)


class Starts:
    """The tests started in this process so far: each is a run with a name and a file of its own."""

    def __init__(self) -> None:
        self._number = 0

    def next(self, options: Any, host: str | None) -> Settings:
        """The settings of the next one. `--run` and `--start-at` mean the first. Raises ValueError with a sentence."""
        number = self._number + 1
        again = f".{number}" if number > 1 else ""
        name = options.run or f"r{int(time.time()):x}{secrets.token_hex(2)}"
        begins_at = options.start_at if options.start_at and not again else now()
        settings = Settings.of(options, host, run=f"{name}{again}", begins_at=begins_at)
        self._number = number  # only now: whoever reads FILE waits for FILE-2 next, and a refused test leaves none
        return settings

    def open_file(self, options: Any, settings: Settings) -> RecordFile:
        """The record with its first line; a second test of the same process writes FILE-2."""
        path = Path(options.record)
        if self._number > 1:
            path = path.with_stem(f"{path.stem}-{self._number}")
        file = RecordFile(path)
        file.write(header(settings.run, settings.begins_at, shown(options)))
        return file


def open_session(environment: Any) -> Alone | Worker | Master:
    """The session of this process."""
    if isinstance(environment.runner, MasterRunner):
        return Master(environment)
    return Worker(environment) if isinstance(environment.runner, WorkerRunner) else Alone(environment)


def set_exit_code(environment: Any, *, broken: bool) -> None:
    """0 unless the tool itself failed. Whether the service did well is decided from the record, not here."""
    failed = broken or locust_log.unhandled_greenlet_exception or environment.runner.exceptions
    if environment.process_exit_code is None:
        environment.process_exit_code = BROKEN if failed else 0
