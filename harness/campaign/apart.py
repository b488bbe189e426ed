"""Work in a process that does nothing else, for executors whose workers are not ours.

A simulation replaces clock, entropy and threads of its whole process, and a worker of somebody's cluster has threads of its own
that would see it, and be seen. So each of its threads keeps one process, which ends with that thread.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from harness.campaign.pool import PR_SET_PDEATHSIG
from harness.usage import StackBrokenError

P = ParamSpec("P")
T = TypeVar("T")
_of_this_thread = threading.local()


def apart(work: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """What `work` answers, in this thread's own process. Raises what it raises, and StackBrokenError if that process died."""
    process = _process()
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        pickle.dump((work, arguments, options), process.stdin)
        process.stdin.flush()
        is_answer, found = pickle.load(process.stdout)
    except (EOFError, BrokenPipeError):
        raise StackBrokenError(f"a process that simulated ended by itself, with code {process.wait()}") from None
    if is_answer:
        return found  # type: ignore[no-any-return]
    raise found


def _process() -> subprocess.Popen[bytes]:
    process: subprocess.Popen[bytes] | None = getattr(_of_this_thread, "process", None)
    if process is None or process.poll() is not None:
        command = [sys.executable, "-m", "harness.campaign.apart"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        _of_this_thread.process = process
    return process


def serve() -> None:
    """In that process: answer until nobody asks any more."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a service prints is no answer
    while True:
        try:
            work, arguments, options = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        except Exception as error:  # another version of the harness asks for what is not here
            answer = (False, StackBrokenError(f"{type(error).__name__}: {error}"))
        else:
            answer = _answer(work, arguments, options)
        answers.write(pickle.dumps(answer))
        answers.flush()


def _answer(work: Callable[..., Any], arguments: Any, options: Any) -> tuple[bool, Any]:
    try:
        return True, work(*arguments, **options)
    except Exception as error:
        error.add_note(traceback.format_exc())
        return False, error


if __name__ == "__main__":
    serve()
