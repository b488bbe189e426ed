"""Where scenarios happen: `simulated/` (virtual time, one seed) and `real/` (processes), behind the protocol in `world.py`."""
