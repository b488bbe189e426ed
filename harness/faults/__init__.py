"""Faults: what can go wrong, as values, and when. Worlds (`worlds/`) make them happen; nothing here does.

service                      nothing, the service's own processes, its flag; `NoFault` is the smallest one to copy
sendgrid, redis, postgres    what goes wrong with a server, and on the way to it
catalogue                    all of them
triggers                     the moment at which one begins
plans                        a fault, its trigger and how long it lasts, as data
"""

from harness.faults.catalogue import FAULTS, Fault
from harness.faults.plans import Planned, amid_work, at_operation, between, from_data, mail, resolve, story, to_data, upon
from harness.faults.postgres import (
    PostgresAborts,
    PostgresCrashes,
    PostgresDiskFills,
    PostgresEndsBackends,
    PostgresFreezes,
    PostgresIsReadOnly,
    PostgresLinkFails,
    PostgresLosesReplies,
    PostgresRefusesLogins,
    PostgresRunsOutOfConnections,
)
from harness.faults.redis import (
    Loss,
    RedisCrashes,
    RedisDiskFills,
    RedisEvicts,
    RedisFreezes,
    RedisLinkFails,
    RedisLoads,
    RedisLosesReplies,
    RedisRefusesWrites,
)
from harness.faults.sendgrid import (
    SendGridAnswers,
    SendGridLosesReplies,
    SendGridRateLimits,
    SendGridRejects,
    SendGridStalls,
    SendGridTalksGarbage,
    SendGridTrickles,
)
from harness.faults.service import (
    FLAG_COMMAND,
    ApiCrashes,
    ApiFreezes,
    ClockJumps,
    Deploys,
    EventKillsWorkers,
    FlagFlips,
    NoFault,
    Upgrades,
    WorkerCrashes,
    WorkerFreezes,
    WorkersStop,
)
from harness.faults.settings import LinkFailure, Role
from harness.faults.triggers import TRIGGERS, AmidWork, At, AtOperation, Trigger, UponMail

__all__ = [
    "FAULTS",
    "FLAG_COMMAND",
    "TRIGGERS",
    "AmidWork",
    "ApiCrashes",
    "ApiFreezes",
    "At",
    "AtOperation",
    "ClockJumps",
    "Deploys",
    "EventKillsWorkers",
    "Fault",
    "FlagFlips",
    "LinkFailure",
    "Loss",
    "NoFault",
    "Planned",
    "PostgresAborts",
    "PostgresCrashes",
    "PostgresDiskFills",
    "PostgresEndsBackends",
    "PostgresFreezes",
    "PostgresIsReadOnly",
    "PostgresLinkFails",
    "PostgresLosesReplies",
    "PostgresRefusesLogins",
    "PostgresRunsOutOfConnections",
    "RedisCrashes",
    "RedisDiskFills",
    "RedisEvicts",
    "RedisFreezes",
    "RedisLinkFails",
    "RedisLoads",
    "RedisLosesReplies",
    "RedisRefusesWrites",
    "Role",
    "SendGridAnswers",
    "SendGridLosesReplies",
    "SendGridRateLimits",
    "SendGridRejects",
    "SendGridStalls",
    "SendGridTalksGarbage",
    "SendGridTrickles",
    "Trigger",
    "Upgrades",
    "UponMail",
    "WorkerCrashes",
    "WorkerFreezes",
    "WorkersStop",
    "amid_work",
    "at_operation",
    "between",
    "from_data",
    "mail",
    "resolve",
    "story",
    "to_data",
    "upon",
]
