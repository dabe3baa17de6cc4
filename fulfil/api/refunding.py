"""Refunds asked for, decided and sent another way: what can be refused is refused first, then the workflow answers."""

import asyncio
from http import HTTPStatus

from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.context import ApiContext
from fulfil.api.dependencies import required
from fulfil.api.errors import ProblemError, conflict, forbidden, invalid, not_found
from fulfil.api.intentions import Intention, intend
from fulfil.api.processes import ProcessEndedError
from fulfil.api.readers.orders import may_see_order
from fulfil.api.readers.refunds import find_refund, represent_preview
from fulfil.api.schemas.refunds import NewRefund, Refund, RefundPreview, RefundQuestion, RefundRerouting
from fulfil.api.writers.idempotency import Claim, claim, find_claim
from fulfil.ledger.refund_plans import FROZEN, plan_refund
from fulfil.ledger.refundable import Refundable, read_refundable
from fulfil.models.ids import new_id
from fulfil.models.messages.refunds import (
    DecideRefund,
    RefundLine,
    RefundPlan,
    RefundRoute,
    RefundScope,
    RefundState,
    RerouteRefund,
    StartRefund,
)
from fulfil.models.money import Money

# Refusals about what was sent; all others are about where the order's money stands.
ABOUT_INPUT = {"line_unknown": "lines", "line_named_twice": "lines", "scope_ambiguous": "amount"}
UNDER_WAY = (RefundState.REQUESTED, RefundState.SENT)


async def preview(context: ApiContext, caller: Principal, order_id: str, question: RefundQuestion) -> RefundPreview:
    """What the refund would do now; 404 without such an order, 422 for what makes no sense of it."""
    async with context.begin() as session:
        left = await _left(session, caller, order_id)
    plan = plan_refund(left, _scope(question, left.currency), question.reason)
    if plan.refusal_code in ABOUT_INPUT:
        raise _refused(plan, left.payment_state)
    return represent_preview(plan)


async def request(
    context: ApiContext, caller: Principal, order_id: str, new: NewRefund, key: str | None, *, wait_s: float = 0
) -> str:
    """The id of the refund, written; raises 400 without a key, 404, 409 with where the money stands, 422.

    A repeated request joins the first; `wait_s` waits until it arrived, failed, or needs somebody.
    """
    intention = intend(caller, required(key), f"create_refund:{order_id}", new)
    async with context.begin() as session:
        left = await _left(session, caller, order_id)
        scope = _scope(new, left.currency)
        claimed = await _claim_refund(context, session, left, scope, new, intention)
        stored = await find_refund(session, caller, claimed.resource_id) if claimed.repeated else None
    if stored is None:
        start = StartRefund(
            refund_id=claimed.resource_id,
            order_id=order_id,
            scope=scope,
            reason=new.reason,
            note=new.note,
            requested_by=caller.actor,
            looks_s=left.policies.refund_looks_s,
        )
        await _start(context, caller, start, left.payment_state, intention)
    if wait_s:
        await _wait(context, caller, order_id, claimed.resource_id, wait_s)
    return claimed.resource_id


async def decide(
    context: ApiContext, caller: Principal, refund_id: str, *, approved: bool, reason: str, intention: Intention
) -> None:
    """A second person decides; 403 for whoever asked for it, 409 when there is nothing to decide."""
    refund, claimed = await _look(context, caller, refund_id, intention)
    own = refund.requested_by is not None and refund.requested_by.id == caller.owner_id
    if own and refund.state is RefundState.AWAITING_APPROVAL and not claimed.repeated:
        raise forbidden("second_person_required", "You asked for this refund: somebody else of the staff decides.")
    decision = DecideRefund(
        refund_id=refund_id, order_id=refund.order_id, approved=approved, actor=caller.actor, reason=reason
    )
    try:
        await context.processes.decide_refund(decision, update_id=claimed.resource_id)
    except ProcessEndedError:
        await _ended(context, caller, refund_id, claimed)


async def reroute(
    context: ApiContext, caller: Principal, refund_id: str, way: RefundRerouting, intention: Intention
) -> None:
    """Send a refund that failed another way; 409 when it did not fail, 422 for a reference that lacks or has no use."""
    if way.route is RefundRoute.BANK and way.reference is None:
        raise invalid("reference_missing", "Name the bank transfer that paid it.", "reference")
    # The customer is told the reference: one of a bank transfer that was not made would mislead her.
    if way.route is not RefundRoute.BANK and way.reference is not None:
        raise invalid("reference_unneeded", "Only a bank transfer has a reference: leave it out.", "reference")
    refund, claimed = await _look(context, caller, refund_id, intention)
    rerouting = RerouteRefund(
        refund_id=refund_id,
        order_id=refund.order_id,
        route=way.route,
        actor=caller.actor,
        reason=way.reason,
        reference=way.reference,
    )
    try:
        await context.processes.reroute_refund(rerouting, update_id=claimed.resource_id)
    except ProcessEndedError:
        await _ended(context, caller, refund_id, claimed)


async def _left(session: AsyncSession, caller: Principal, order_id: str) -> Refundable:
    if await may_see_order(session, caller, order_id) is None:
        raise not_found("order")
    left = await read_refundable(session, order_id)
    if left is None:
        raise not_found("order")
    return left


async def _claim_refund(
    context: ApiContext,
    session: AsyncSession,
    left: Refundable,
    scope: RefundScope,
    new: NewRefund,
    intention: Intention,
) -> Claim:
    """Everything that can be refused is refused before the key is taken, so that it can be corrected."""
    found = await find_claim(session, intention)
    if found is not None:
        return found
    plan = plan_refund(left, scope, new.reason)
    if plan.refusal_code is not None:
        raise _refused(plan, left.payment_state)
    return await claim(session, intention, new_id("ref"), context.clock())


async def _start(
    context: ApiContext, caller: Principal, start: StartRefund, payment_state: str, intention: Intention
) -> None:
    try:
        opened = await context.processes.request_refund(start, update_id=intention.derive_id("upd"))
    except ProcessEndedError:
        async with context.begin() as session:
            stored = await find_refund(session, caller, start.refund_id)
        if stored is None:
            outcome = await context.processes.refund_outcome(start.refund_id)
            code = outcome.refusal_code if outcome else None
            detail = outcome.refusal_detail if outcome else None
            raise conflict(
                code or "refund_refused", detail or "This refund was refused.", state=payment_state
            ) from None
        return
    if opened.plan.refusal_code is not None:
        raise _refused(opened.plan, payment_state)


async def _look(context: ApiContext, caller: Principal, refund_id: str, intention: Intention) -> tuple[Refund, Claim]:
    async with context.begin() as session:
        refund = await find_refund(session, caller, refund_id)
        if refund is None:
            raise not_found("refund")
        claimed = await claim(session, intention, intention.derive_id("upd"), context.clock())
    return refund, claimed


async def _ended(context: ApiContext, caller: Principal, refund_id: str, claimed: Claim) -> None:
    """No workflow answers: what a repeated request did is done, a new one comes too late."""
    async with context.begin() as session:
        refund = await find_refund(session, caller, refund_id)
    if refund is None:
        raise not_found("refund")
    if not claimed.repeated:
        raise conflict(
            "refund_ended", f"The refund is {refund.state.value}: nothing is left to decide.", state=refund.state
        )


async def _wait(context: ApiContext, caller: Principal, order_id: str, refund_id: str, seconds: float) -> None:
    """Return when the refund is over or needs somebody, or when the time is over."""
    with context.feed.subscribe(order_id) as subscription:
        try:
            async with asyncio.timeout(seconds):
                while True:
                    async with context.begin() as session:
                        refund = await find_refund(session, caller, refund_id)
                    if refund is None or refund.state not in UNDER_WAY:
                        return
                    await subscription.events.get()
        except TimeoutError:
            return


def _scope(question: RefundQuestion, currency: str) -> RefundScope:
    """In the order's own currency; amounts are never converted."""
    return RefundScope(
        amount_minor=_minor(question.amount, currency, "amount"),
        lines=tuple(
            RefundLine(line_id=part.line_id, amount_minor=_minor(part.amount, currency, "lines"))
            for part in question.lines
        ),
        shipping=question.shipping,
    )


def _minor(amount: Money | None, currency: str, param: str) -> int | None:
    if amount is None:
        return None
    if amount.currency != currency:
        raise invalid("currency_mismatch", f"The order was paid in {currency}.", param)
    if amount.amount_minor == 0:
        raise invalid("amount_zero", "Name an amount above zero.", param)
    return amount.amount_minor


def _refused(plan: RefundPlan, payment_state: str) -> ProblemError:
    code, detail = plan.refusal_code or "refund_refused", plan.refusal_detail or "This can't be refunded."
    if code in ABOUT_INPUT:
        return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, code, detail, param=ABOUT_INPUT[code])
    return conflict(code, detail, state="frozen" if code == FROZEN else payment_state)
