"""`harness ui`: Locust's page with faults to inject. The work is `live/`."""

from __future__ import annotations

import time
from argparse import Namespace
from datetime import UTC, datetime

from harness import archive, systems
from harness.archive import RunFolder
from harness.live.session import Place, hold
from harness.verbs.display import announce
from harness.verbs.publication import conclude, remove_if_empty
from harness.verdict import Ruling


def ui(words: Namespace) -> Ruling:
    """`harness ui`: a running system in Locust's page, with faults to inject; at the end, what became of its promises."""
    system = systems.load(words.system)
    started_at, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    folder = RunFolder.create(words.out, "ui")
    try:
        execution = hold(system, Place(address=words.bind, port=words.port, show=announce), folder, seed=words.seed)
    except BaseException:
        remove_if_empty(folder)
        if folder.path.exists():
            announce(f"what was seen is in {folder.path}")
        raise
    results = archive.assemble("ui", system.name, scenarios=[execution], started_at=started_at, wall_s=time.monotonic() - clock)
    return conclude(results, folder)
