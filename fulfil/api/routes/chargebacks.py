"""Chargebacks and inquiries: what the card networks took or ask, the evidence, and support's answers."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from fulfil.api.access import STAFF, Principal, Scope
from fulfil.api.context import ApiContext
from fulfil.api.dependencies import Context, IdempotencyKey, Paging, allowed
from fulfil.api.documentation import API, SUPPORT, problems
from fulfil.api.errors import conflict, not_found
from fulfil.api.intentions import Intention, intend
from fulfil.api.processes import ProcessEndedError
from fulfil.api.readers.chargebacks import find_chargeback
from fulfil.api.readers.chargebacks import list_chargebacks as read_chargebacks
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.chargebacks import Chargeback, ChargebackSummary, NewStatement
from fulfil.api.schemas.support import Intervention
from fulfil.api.writers.chargebacks import keep_statement
from fulfil.api.writers.idempotency import claim
from fulfil.models.ids import ChargebackId, derived_id
from fulfil.models.messages.chargebacks import AcceptLoss, AddEvidence, ChargebackState, SubmitEvidence

router = APIRouter(prefix=f"{API}/support/chargebacks", tags=[SUPPORT])

Reader = Annotated[Principal, Depends(allowed(Scope.SUPPORT_READ, *STAFF))]
Support = Annotated[Principal, Depends(allowed(Scope.SUPPORT_WRITE, *STAFF))]
ERRORS = problems(401, 403, 404, 409)
Say = Callable[[Chargeback, str], Awaitable[object]]


@router.get("", responses=problems(401, 403))
async def list_chargebacks(
    context: Context,
    caller: Reader,
    page: Paging,
    state: Annotated[ChargebackState | None, Query(description="Only those in this state.")] = None,
) -> Page[ChargebackSummary]:
    """What card networks took back or inquire about, newest first."""
    del caller
    async with context.begin() as session:
        return await read_chargebacks(session, state=state, limit=page.limit, starting_after=page.starting_after)


@router.get("/{chargeback_id}", responses=problems(401, 403, 404))
async def get_chargeback(context: Context, caller: Reader, chargeback_id: ChargebackId) -> Chargeback:
    """One chargeback: where it stands, the evidence, whose move it is, and what you may do."""
    del caller
    return await _find(context, chargeback_id)


@router.post("/{chargeback_id}/submit", responses=ERRORS)
async def submit_chargeback_evidence(
    context: Context, caller: Support, chargeback_id: ChargebackId, why: Intervention, key: IdempotencyKey = None
) -> Chargeback:
    """Send what is staged to the customer's bank now; it accepts one answer."""

    async def say(chargeback: Chargeback, update_id: str) -> None:
        request = SubmitEvidence(
            chargeback_id=chargeback.id, order_id=chargeback.order_id, actor=caller.actor, reason=why.reason
        )
        await context.processes.submit_evidence(request, update_id=update_id)

    return await _act(context, chargeback_id, intend(caller, key, f"submit_evidence:{chargeback_id}", why), say)


@router.post("/{chargeback_id}/accept", responses=ERRORS)
async def accept_chargeback(
    context: Context, caller: Support, chargeback_id: ChargebackId, why: Intervention, key: IdempotencyKey = None
) -> Chargeback:
    """Give the chargeback up: the customer keeps the money, for good. An inquiry is ended by a refund instead."""

    async def say(chargeback: Chargeback, update_id: str) -> None:
        request = AcceptLoss(
            chargeback_id=chargeback.id, order_id=chargeback.order_id, actor=caller.actor, reason=why.reason
        )
        await context.processes.accept_chargeback(request, update_id=update_id)

    return await _act(context, chargeback_id, intend(caller, key, f"accept_chargeback:{chargeback_id}", why), say)


@router.post("/{chargeback_id}/evidence", responses=ERRORS)
async def add_chargeback_evidence(
    context: Context, caller: Support, chargeback_id: ChargebackId, new: NewStatement, key: IdempotencyKey = None
) -> Chargeback:
    """Add a statement to the evidence, which is staged again as a whole and not yet submitted."""

    async def say(chargeback: Chargeback, update_id: str) -> None:
        statement_id = derived_id("sta", update_id)
        async with context.begin() as session:
            await keep_statement(
                session,
                statement_id=statement_id,
                chargeback_id=chargeback.id,
                text=new.text,
                written_by=caller.account_id,
                at=context.clock(),
            )
        request = AddEvidence(
            chargeback_id=chargeback.id, order_id=chargeback.order_id, statement_id=statement_id, actor=caller.actor
        )
        await context.processes.add_evidence(request, update_id=update_id)

    return await _act(context, chargeback_id, intend(caller, key, f"add_evidence:{chargeback_id}", new), say)


async def _act(context: ApiContext, chargeback_id: str, intention: Intention, say: Say) -> Chargeback:
    """Say it to the chargeback's workflow; what a repeated request finds done is answered as it is now."""
    chargeback = await _find(context, chargeback_id)
    async with context.begin() as session:
        claimed = await claim(session, intention, intention.derive_id("upd"), context.clock())
    if not claimed.repeated and not chargeback.allowed_actions:
        raise conflict(
            "chargeback_not_answerable",
            f"The chargeback is {chargeback.state.value}: the bank waits for no answer.",
            state=chargeback.state,
        )
    try:
        await say(chargeback, claimed.resource_id)
    except ProcessEndedError:
        if not claimed.repeated:
            raise conflict("chargeback_ended", "The chargeback is over.", state=chargeback.state) from None
    return await _find(context, chargeback_id)


async def _find(context: ApiContext, chargeback_id: str) -> Chargeback:
    async with context.begin() as session:
        chargeback = await find_chargeback(session, chargeback_id)
    if chargeback is None:
        raise not_found("chargeback")
    return chargeback
