"""What happens on the way between the simulated processes and their servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harness import faults
from harness.worlds.simulated.afflictions.case import Case
from harness.worlds.simulated.network import Condition, Station

REPLIES_LOST_SHARE = 0.5  # all of them would leave nothing but handshakes after the first
RESET_SHARE = 0.5
SLOW_S = 0.3
FAILS = {
    "refuses": "were refused",
    "resets": "were reset before they were executed",
    "blackholes": "vanished without an answer",
    "half-opens": "went into connections whose other end was gone",
    "slows-down": f"were {SLOW_S:g} s late",
}
LinkFault = faults.RedisLinkFails | faults.PostgresLinkFails


@asynccontextmanager
async def link_failing(case: Case, fault: LinkFault) -> AsyncIterator[None]:
    """RedisLinkFails, PostgresLinkFails."""
    station = _station(case, fault.needs)
    condition = _condition(fault, case.roles(fault.role))
    station.suffer(condition)
    case.wound.processes = (station.name,)
    try:
        yield
    finally:
        station.heal(condition)
        if condition.touched:
            who = "every process" if fault.role == "every" else f"{fault.role} processes"
            case.wound.evidence = f"{condition.touched} connections or commands of {who} {FAILS[fault.how]}"


@asynccontextmanager
async def replies_lost(case: Case, fault: faults.RedisLosesReplies | faults.PostgresLosesReplies) -> AsyncIterator[None]:
    """RedisLosesReplies, PostgresLosesReplies."""
    station = _station(case, fault.needs)
    condition = Condition("lose-reply", roles=case.roles(fault.role), share=REPLIES_LOST_SHARE)
    station.suffer(condition)
    case.wound.processes = (station.name,)
    try:
        yield
    finally:
        station.heal(condition)
        if condition.touched:
            case.wound.evidence = f"{condition.touched} commands of {fault.role} processes were executed and their replies lost"


def _station(case: Case, server: str) -> Station:
    return {"redis": case.servers.redis.station, "postgres": case.servers.postgres.station}[server]


def _condition(fault: LinkFault, roles: frozenset[str] | None) -> Condition:
    match fault.how:
        case "refuses":
            return Condition("refuse", roles=roles)
        case "resets":
            return Condition("reset", roles=roles, share=RESET_SHARE)
        case "blackholes":
            return Condition("blackhole", roles=roles)
        case "half-opens":
            return Condition("half-open", roles=roles)
        case "slows-down":
            return Condition("delay", roles=roles, delay_s=SLOW_S)
