"""Every fault there is. Each can be made without arguments; a world says which it cannot make (`cannot_suffer`)."""

from __future__ import annotations

from typing import get_args

from harness.faults import postgres, redis, sendgrid, service

Fault = (
    service.NoFault
    | service.WorkerCrashes
    | service.WorkerFreezes
    | service.WorkersStop
    | service.ApiCrashes
    | service.ApiFreezes
    | service.Deploys
    | service.Upgrades
    | service.ClockJumps
    | service.EventKillsWorkers
    | service.FlagFlips
    | sendgrid.SendGridAnswers
    | sendgrid.SendGridRateLimits
    | sendgrid.SendGridLosesReplies
    | sendgrid.SendGridStalls
    | sendgrid.SendGridTrickles
    | sendgrid.SendGridTalksGarbage
    | sendgrid.SendGridRejects
    | redis.RedisCrashes
    | redis.RedisLoads
    | redis.RedisFreezes
    | redis.RedisRefusesWrites
    | redis.RedisEvicts
    | redis.RedisDiskFills
    | redis.RedisLosesReplies
    | redis.RedisLinkFails
    | postgres.PostgresCrashes
    | postgres.PostgresFreezes
    | postgres.PostgresLosesReplies
    | postgres.PostgresLinkFails
    | postgres.PostgresIsReadOnly
    | postgres.PostgresDiskFills
    | postgres.PostgresEndsBackends
    | postgres.PostgresAborts
    | postgres.PostgresRunsOutOfConnections
    | postgres.PostgresRefusesLogins
)
FAULTS: dict[str, type[Fault]] = {fault.__name__: fault for fault in get_args(Fault)}
