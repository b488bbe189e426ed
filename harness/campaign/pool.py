"""The processes executions run in. They die with the harness, however that ends, and clean up when they are told to stop."""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 8.0


@contextmanager
def pool_of(at_once: int) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes are stopped, not waited for, when something goes wrong here."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(at_once, mp_context=context, initializer=_die_with, initargs=(os.getpid(),))
    try:
        yield pool
    except BaseException:
        _stop(pool)
        raise
    pool.shutdown()


@contextmanager
def stoppable() -> Iterator[None]:
    """In a pool process: told to stop, what runs inside cleans up, and the process ends."""
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        yield
    except KeyboardInterrupt:  # worlds have cleaned up on the way here, and nobody waits for an answer
        os._exit(1)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _die_with(parent: int) -> None:
    """In a pool process: end when the harness does, and let Ctrl-C be the harness' business."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.lastResort = logging.NullHandler()  # what a killed simulated process leaves logs on nobody's terminal
    if os.getppid() != parent:
        os._exit(1)


def _interrupted(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _stop(pool: ProcessPoolExecutor) -> None:
    """Tell every process to clean up, and kill what has not ended in time."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.kill()
