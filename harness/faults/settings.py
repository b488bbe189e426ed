"""What the settings of faults have in common: kinds of failing links, and one sentence for a setting that makes no sense."""

from __future__ import annotations

from typing import Literal

LinkFailure = Literal["refuses", "resets", "blackholes", "half-opens", "slows-down"]
Role = Literal["every", "api", "worker"]  # whose connections fail; in a system without workers an API process does the work


def require(fits: bool, what: str) -> None:
    """Raises ValueError with the sentence unless the setting fits."""
    if not fits:
        raise ValueError(what)
