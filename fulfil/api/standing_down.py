"""Giving back what a provider has accepted and not started, when she stops working."""

from dataclasses import dataclass

from fulfil.api.context import ApiContext
from fulfil.api.readers.provider_standing import list_being_secured
from fulfil.api.writers.production import give_back, hold_unstarted
from fulfil.models.messages.parties import SYSTEM


@dataclass(frozen=True)
class StoodDown:
    """The jobs that went back, and those that can't yet: their payment is being captured at this moment."""

    given_back: tuple[str, ...] = ()
    being_secured: tuple[str, ...] = ()


async def give_back_unstarted(context: ApiContext, provider_id: str, reason: str) -> StoodDown:
    """Give all of it back to be offered to others; what was given back before is not found again.

    Call it after the transaction that stops her: productions are locked before providers.
    """
    async with context.begin() as session:
        unstarted = await hold_unstarted(session, provider_id)
        for production in unstarted:
            await give_back(session, production, actor=SYSTEM, reason=reason, at=context.clock())
        securing = await list_being_secured(session, provider_id)
    return StoodDown(tuple(production.job_id for production in unstarted), tuple(securing))
