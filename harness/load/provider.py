"""How long the stand-in takes over a mail in a load run, so that "before" is the service the change set out from.

The draft published the latency of the synchronous service: P50/P95/P99 of 269/331/442 ms. Nothing else is known of that
machine, so the provider's share is modelled: a quantile function through those three points, less what the synchronous
reference takes by itself, with straight lines between them. docs/latency.md tells how well it fits, and every table that
compares before with after says so.
"""

from __future__ import annotations

from harness.worlds.latency import Quantiles

PUBLISHED_MS = {50: 269.0, 95: 331.0, 99: 442.0}
AS_PUBLISHED = Quantiles(((0.0, 0.210), (0.5, 0.258), (0.95, 0.317), (0.99, 0.425), (1.0, 0.520)))
