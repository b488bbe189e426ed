"""What may be logged of an exception nobody expected: its class and the lines it passed; its own words may quote the event.

Where to go next: ``problems`` and ``worker`` (who logs it).
"""

from __future__ import annotations

import traceback


def described(error: BaseException) -> str:
    """The class of ``error`` and where it was raised, over several lines."""
    return f"{type(error).__name__}\n" + "".join(traceback.format_tb(error.__traceback__))
