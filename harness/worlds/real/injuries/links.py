"""What happens on the way between processes and servers: in the proxies of the processes that are meant."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from harness import faults
from harness.worlds.real.injuries.ward import Injury, Ward
from harness.worlds.real.proxy import Blackholes, Delays, DropsReplies, HalfOpens, Proxy, Resets

REPLIES_LOST_SHARE = 0.5  # were all lost, nothing but handshakes would follow the first
RESET_SHARE = 0.5
SLOW_S = 0.15  # in each direction
LinkFault = faults.RedisLinkFails | faults.PostgresLinkFails


@asynccontextmanager
async def replies_are_lost(ward: Ward, fault: faults.RedisLosesReplies | faults.PostgresLosesReplies) -> AsyncIterator[Injury]:
    """RedisLosesReplies, PostgresLosesReplies."""
    hurt, server = ward.names(fault.role), fault.needs
    proxies = ward.stack.proxies_of(server, *hurt)
    before = sum(proxy.counts.replies_lost for proxy in proxies)
    injury = Injury((server,))
    for proxy in proxies:
        proxy.suffer(DropsReplies(REPLIES_LOST_SHARE, resets=True))
    try:
        yield injury
    finally:
        for proxy in proxies:
            proxy.heal()
        if lost := sum(proxy.counts.replies_lost for proxy in proxies) - before:
            injury.evidence = f"{lost} replies of {server} to {', '.join(hurt)} were lost"


@asynccontextmanager
async def link_fails(ward: Ward, fault: LinkFault) -> AsyncIterator[Injury]:
    """RedisLinkFails, PostgresLinkFails."""
    hurt, server = ward.names(fault.role), fault.needs
    proxies = ward.stack.proxies_of(server, *hurt)
    before, told = _struck(fault, proxies)
    injury = Injury((server,))
    for proxy in proxies:
        _strike(fault, proxy)
    try:
        yield injury
    finally:
        for proxy in proxies:
            await _heal(fault, proxy)
        if struck := _struck(fault, proxies)[0] - before:
            injury.evidence = f"between {', '.join(hurt)} and {server} {struck} {told}"


def _strike(fault: LinkFault, proxy: Proxy) -> None:
    match fault.how:
        case "refuses":
            proxy.refuse()
            proxy.reset()
        case "resets":
            proxy.suffer(Resets(RESET_SHARE))
        case "blackholes":
            proxy.suffer(Blackholes())
        case "half-opens":
            proxy.suffer(HalfOpens())
            proxy.heal()  # the connections that are open stay as they are; new ones are well
        case "slows-down":
            proxy.suffer(Delays(SLOW_S))


async def _heal(fault: LinkFault, proxy: Proxy) -> None:
    if fault.how == "refuses":
        await proxy.listen()
    elif fault.how != "half-opens":
        proxy.heal()


def _struck(fault: LinkFault, proxies: Sequence[Proxy]) -> tuple[int, str]:
    """How much this kind of failure struck so far, and in which words."""
    counts = [proxy.counts for proxy in proxies]
    match fault.how:
        case "refuses":
            return sum(count.resets for count in counts), "connections were broken, and the ports refused new ones"
        case "resets":
            return sum(count.resets for count in counts), "connections were reset upon a request"
        case "blackholes" | "half-opens":
            return sum(count.requests_lost for count in counts), "requests vanished without an answer"
        case "slows-down":
            return sum(count.delayed for count in counts), f"pieces were {SLOW_S:g} s late"
