"""The acceptance harness for asynchronous ingestion. These are the words a scenario is written in.

The map, from what you type to what it stands on; an import only points down:

    cli, verbs/          accept, run, check, ...: from words to a ruling and an exit code
    live/, explore/      faults at the push of a button; a search for fault plans that fail
    prove/, load/        every planted flaw is seen; before and after under Locust
    report/, markup/     what a person reads
    campaign/            many executions: side by side, in shards, resumed, on a cluster
    runner, archive      perform a scenario in a world; store and judge the run
    worlds/              simulated (virtual time, one seed) and real (processes), behind worlds/world.py
    systems, scenario    the service under test (TOML); what happens to it and what must hold (scenarios/*.py)
    checkers/            pure functions of a history, one file a subject
    verdict              held, violated, unknown
    history, faults, traffic   plain data

Start with scenarios/baseline.py, then runner.py.
"""

from harness import checkers, faults, traffic
from harness.faults import amid_work, at_operation, between, mail, upon
from harness.scenario import Scenario

__all__ = ["Scenario", "amid_work", "at_operation", "between", "checkers", "faults", "mail", "traffic", "upon"]
