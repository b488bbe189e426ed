"""The simulated world: one seed, virtual time, the service's own code, everything around it modelled.

Read in this order: `time.py` (the event loop), `processes.py` (what kill -9 means), `network.py` (links and what can go
wrong on them), then the servers `redis.py`, `postgres.py` and `sendgrid.py`, and `world.py`, which puts them together.
"""
