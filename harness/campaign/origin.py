"""Where an execution comes from: the code and the files that decide what a seed does. Equal origins give equal simulations."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from harness import archive, scenario, systems
from harness.runner import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The harness' commit ("" without a checkout) and version, and a fingerprint of the files of scenario, system and flaw."""

    commit: str
    harness_version: str
    sources: str

    @classmethod
    def of(cls, order: Order) -> Origin:
        """What an order would be executed from here and now. Raises UsageError if a file is missing."""
        ran = archive.versions()
        return cls(commit=ran.commit, harness_version=ran.harness, sources=sources_of(order))

    def differs_from(self, other: Origin) -> str:
        """What is not the same in the other one, in a few words; "" if it is all the same."""
        if self.commit != other.commit:
            return f"commit {self.commit[:10] or 'unknown'}, not {other.commit[:10] or 'unknown'}"
        if self.harness_version != other.harness_version:
            return f"harness {self.harness_version or 'unknown'}, not {other.harness_version or 'unknown'}"
        return "another text of the scenario's, the system's or the flaw's file" if self.sources != other.sources else ""


def sources_of(order: Order) -> str:
    """The fingerprint of an order's files. Raises UsageError if one is missing."""
    files = [
        Path(scenario.load(order.scenario).path),
        systems.load(order.system).path,
        *([Path(order.flaw)] if order.flaw else []),
    ]
    digest = hashlib.sha256()
    for file in files:
        text = file.read_bytes() if file.is_file() else b""
        digest.update(b"%d:%b" % (len(text), text))
    return digest.hexdigest()[:16]
