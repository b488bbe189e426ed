"""What each fault does to a stack, and the evidence that it really happened: one async context manager a fault.

Inside the block it hurts; after it, also on error, it is healed and `Injury.evidence` says what was seen (a pid that
changed, replies a proxy dropped, calls the stand-in answered). No evidence means that the fault proved nothing.
The smallest one to copy is `processes.nothing`.
"""

from __future__ import annotations

from harness import faults
from harness.faults import Fault
from harness.worlds.behaviours import MAIL_FAULTS
from harness.worlds.real.injuries import links, postgres, processes, redis, sendgrid, servers
from harness.worlds.real.injuries.ward import Inflict, Injury, Ward

INFLICTED: dict[type[Fault], Inflict] = {
    faults.NoFault: processes.nothing,
    faults.WorkerCrashes: processes.process_crashes,
    faults.WorkerFreezes: processes.process_freezes,
    faults.WorkersStop: processes.workers_stop,
    faults.ApiCrashes: processes.process_crashes,
    faults.ApiFreezes: processes.process_freezes,
    faults.Deploys: processes.deploys,
    faults.Upgrades: processes.upgrades,
    faults.EventKillsWorkers: processes.event_kills_workers,
    faults.FlagFlips: processes.flag_flips,
    faults.RedisCrashes: servers.server_crashes,
    faults.RedisLoads: redis.redis_loads,
    faults.RedisFreezes: servers.server_freezes,
    faults.RedisRefusesWrites: redis.redis_refuses_writes,
    faults.RedisEvicts: redis.redis_evicts,
    faults.RedisDiskFills: redis.redis_disk_fills,
    faults.RedisLosesReplies: links.replies_are_lost,
    faults.RedisLinkFails: links.link_fails,
    faults.PostgresCrashes: servers.server_crashes,
    faults.PostgresFreezes: servers.server_freezes,
    faults.PostgresLosesReplies: links.replies_are_lost,
    faults.PostgresLinkFails: links.link_fails,
    faults.PostgresIsReadOnly: postgres.postgres_is_read_only,
    faults.PostgresDiskFills: postgres.postgres_disk_fills,
    faults.PostgresEndsBackends: postgres.postgres_ends_backends,
    faults.PostgresAborts: postgres.postgres_aborts,
    faults.PostgresRunsOutOfConnections: postgres.postgres_runs_out_of_connections,
    faults.PostgresRefusesLogins: postgres.postgres_refuses_logins,
    **dict.fromkeys(MAIL_FAULTS, sendgrid.sendgrid_misbehaves),
}
REACH_ANY_SERVER = (faults.RedisLosesReplies, faults.RedisLinkFails, faults.PostgresLosesReplies, faults.PostgresLinkFails)


def server_of_ours(fault: Fault) -> str:
    """The server a fault hurts itself, which must then be one of ours; empty if it hurts none, or only the way to it."""
    return fault.needs if fault.needs in ("redis", "postgres") and not isinstance(fault, REACH_ANY_SERVER) else ""


__all__ = ["INFLICTED", "Injury", "Ward", "server_of_ours"]
