"""How the simulated mail provider misbehaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harness.worlds.behaviours import MailFault, behaviour_under
from harness.worlds.simulated.afflictions.case import Case


@asynccontextmanager
async def misbehaving(case: Case, fault: MailFault) -> AsyncIterator[None]:
    """Every fault of SendGrid's."""
    behaviour, told = behaviour_under(fault)
    provider = case.servers.sendgrid.provider
    provider.behaviours.append(behaviour)
    case.wound.processes = ("sendgrid",)
    try:
        yield
    finally:
        provider.behaviours.remove(behaviour)
        if calls := provider.touched(behaviour):
            case.wound.evidence = f"{calls} calls {told}"
