"""What each fault does to the simulated world, how it is healed, and the evidence that it bit.

`AFFLICTIONS` maps a fault's class to an async context manager; the smallest one to copy is `processes.nothing`. A fault without
evidence proved nothing and its seed is drawn again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from harness import faults
from harness.worlds.behaviours import MAIL_FAULTS
from harness.worlds.simulated.afflictions import links, processes, sendgrid, servers
from harness.worlds.simulated.afflictions.case import Case, Wound

AFFLICTIONS: dict[type[faults.Fault], Callable[[Case, Any], AbstractAsyncContextManager[None]]] = {
    faults.NoFault: processes.nothing,
    faults.WorkerCrashes: processes.process_dead,
    faults.WorkerFreezes: processes.process_stopped,
    faults.WorkersStop: processes.workers_gone,
    faults.ApiCrashes: processes.process_dead,
    faults.ApiFreezes: processes.process_stopped,
    faults.Deploys: processes.deploying,
    faults.Upgrades: processes.upgrading,
    faults.ClockJumps: processes.clock_wrong,
    faults.EventKillsWorkers: processes.event_deadly,
    faults.FlagFlips: processes.flag_turned,
    faults.RedisCrashes: servers.server_down,
    faults.RedisLoads: servers.redis_loading,
    faults.RedisFreezes: servers.server_frozen,
    faults.RedisRefusesWrites: servers.redis_refusing_writes,
    faults.RedisEvicts: servers.redis_evicting,
    faults.RedisLosesReplies: links.replies_lost,
    faults.RedisLinkFails: links.link_failing,
    faults.PostgresCrashes: servers.server_down,
    faults.PostgresFreezes: servers.server_frozen,
    faults.PostgresLosesReplies: links.replies_lost,
    faults.PostgresLinkFails: links.link_failing,
    faults.PostgresIsReadOnly: servers.postgres_refusing_writes,
    faults.PostgresEndsBackends: servers.postgres_refusing_writes,
    faults.PostgresAborts: servers.postgres_refusing_writes,
    faults.PostgresRunsOutOfConnections: servers.postgres_turning_away,
    faults.PostgresRefusesLogins: servers.postgres_turning_away,
    **dict.fromkeys(MAIL_FAULTS, sendgrid.misbehaving),
}

__all__ = ["AFFLICTIONS", "Case", "Wound"]
