"""Sleeping until a moment, to some ten microseconds.

gevent's own timers round up to the next millisecond, and as latency counts from the intended start, every latency would
look up to a millisecond longer. A Linux timer file descriptor wakes gevent's loop when it is really time. (Python has
`os.timerfd_create` from 3.13 on; until then it is called through ctypes.)
"""

from __future__ import annotations

import ctypes
import os
import time

import gevent

_ABSOLUTE = 1  # TFD_TIMER_ABSTIME
_READABLE = 1  # gevent's name for it
_libc = ctypes.CDLL(None, use_errno=True)


class _TimerSpec(ctypes.Structure):
    _fields_ = (
        ("every_s", ctypes.c_long),
        ("every_ns", ctypes.c_long),
        ("at_s", ctypes.c_long),
        ("at_ns", ctypes.c_long),
    )


class Alarm:
    """One sleeper's clock; not shared between greenlets."""

    def __init__(self) -> None:
        self._timer = _libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._timer < 0:
            raise OSError(ctypes.get_errno(), "No timer could be made: Linux refused timerfd_create")
        self._hub = gevent.get_hub()
        self._watcher = self._hub.loop.io(self._timer, _READABLE)

    def sleep_until(self, monotonic_s: float) -> None:
        """Let others run until then; returns at once if it is already over."""
        if monotonic_s <= time.perf_counter():
            return
        seconds, fraction = divmod(monotonic_s, 1.0)
        wanted = _TimerSpec(0, 0, int(seconds), int(fraction * 1e9))
        _libc.timerfd_settime(self._timer, _ABSOLUTE, ctypes.byref(wanted), None)
        self._hub.wait(self._watcher)
        os.read(self._timer, 8)

    def close(self) -> None:
        """Give the timer back."""
        self._watcher.close()
        os.close(self._timer)
