"""How the provider's stand-in misbehaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harness.worlds.behaviours import MailFault, behaviour_under
from harness.worlds.real.injuries.ward import Injury, Ward


@asynccontextmanager
async def sendgrid_misbehaves(ward: Ward, fault: MailFault) -> AsyncIterator[Injury]:
    """Every fault of SendGrid's."""
    behaviour, what = behaviour_under(fault)
    injury = Injury(("sendgrid",))
    ward.provider.behaviours.append(behaviour)
    try:
        yield injury
    finally:
        ward.provider.behaviours.remove(behaviour)
        if touched := ward.provider.touched(behaviour):
            injury.evidence = f"{touched} calls {what}"
