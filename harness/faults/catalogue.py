"""Every fault there is. Each can be made without arguments; a world says which it cannot make (`cannot_suffer`)."""

from __future__ import annotations

from typing import get_args

from harness.faults.postgres import (
    PostgresAborts,
    PostgresCrashes,
    PostgresEndsBackends,
    PostgresFreezes,
    PostgresIsReadOnly,
    PostgresLinkFails,
    PostgresLosesReplies,
    PostgresRunsOutOfConnections,
)
from harness.faults.redis import RedisCrashes, RedisFreezes, RedisLinkFails, RedisLosesReplies, RedisRefusesWrites
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

Fault = (
    NoFault
    | WorkerCrashes
    | WorkerFreezes
    | WorkersStop
    | ApiCrashes
    | ApiFreezes
    | Deploys
    | Upgrades
    | ClockJumps
    | EventKillsWorkers
    | FlagFlips
    | SendGridAnswers
    | SendGridRateLimits
    | SendGridLosesReplies
    | SendGridStalls
    | SendGridTrickles
    | SendGridTalksGarbage
    | SendGridRejects
    | RedisCrashes
    | RedisFreezes
    | RedisRefusesWrites
    | RedisLosesReplies
    | RedisLinkFails
    | PostgresCrashes
    | PostgresFreezes
    | PostgresLosesReplies
    | PostgresLinkFails
    | PostgresIsReadOnly
    | PostgresEndsBackends
    | PostgresAborts
    | PostgresRunsOutOfConnections
)
FAULTS: dict[str, type[Fault]] = {fault.__name__: fault for fault in get_args(Fault)}
