"""A program: run Python with a flaw planted, `python -P planted.py FLAW.py -m service api --port 8000`. It stands alone.

The flaw's `plant()` is entered before the first line of the service runs, and left when it ends.
"""

from __future__ import annotations

import os
import runpy
import sys

PROGRAM = __file__


def main(flaw: str, words: list[str]) -> None:
    """Run a module (`-m name ...`) or a file (`service.py ...`) as Python itself would, under the flaw."""
    with runpy.run_path(flaw)["plant"]():
        if words[0] == "-m":
            sys.path.insert(0, os.getcwd())
            sys.argv = words[1:]
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            sys.path.insert(0, os.path.dirname(os.path.abspath(words[0])))
            sys.argv = words
            runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
