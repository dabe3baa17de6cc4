"""Refunds: the rows that the refund workflow's activities write, and what one would do."""

from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.actions import refund_actions
from fulfil.api.readers.paging import newest_first
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.refunds import Refund, RefundPart, RefundPreview
from fulfil.models.messages.parties import Actor
from fulfil.models.messages.refunds import RefundPlan, RefundReason, RefundRoute, RefundState
from fulfil.models.money import Money
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.payments import RefundRow

EXPANDABLE = ("order",)


@dataclass(frozen=True)
class RefundFilter:
    """Which refunds; None for any."""

    order_id: str | None = None
    state: RefundState | None = None


def _select_refunds(caller: Principal) -> Select[RefundRow]:
    query = select(RefundRow)
    if caller.is_staff:
        return query
    return query.join(OrderRow, OrderRow.id == RefundRow.order_id).where(OrderRow.customer_id == caller.owner_id)


async def find_refund(session: AsyncSession, caller: Principal, refund_id: str) -> Refund | None:
    """A refund of an order of the caller's; staff see all."""
    row = await session.scalar(_select_refunds(caller).where(RefundRow.id == refund_id))
    return None if row is None else _represent(row, caller)


async def list_refunds(
    session: AsyncSession, caller: Principal, wanted: RefundFilter, *, limit: int, starting_after: str | None
) -> Page[Refund]:
    """Hers, newest first; staff see all."""
    query = _select_refunds(caller)
    if wanted.order_id is not None:
        query = query.where(RefundRow.order_id == wanted.order_id)
    if wanted.state is not None:
        query = query.where(RefundRow.state == wanted.state)
    rows, has_more = await newest_first(
        session,
        query,
        moment=RefundRow.requested_at,
        identity=RefundRow.id,
        limit=limit,
        starting_after=starting_after,
    )
    return Page(data=[_represent(row, caller) for (row,) in rows], has_more=has_more)


def represent_preview(plan: RefundPlan) -> RefundPreview:
    """What a refund would do."""

    def money(amount_minor: int) -> Money:
        return Money(amount_minor=amount_minor, currency=plan.currency)

    return RefundPreview(
        order_id=plan.order_id,
        possible=plan.refusal_code is None,
        amount=money(plan.amount_minor),
        refundable=money(plan.refundable_minor),
        goodwill=money(plan.goodwill_minor),
        parts=_parts(plan),
        needs_approval=plan.needs_approval,
        approval_reasons=list(plan.approval_reasons),
        refusal=plan.refusal_code,
        refusal_detail=plan.refusal_detail,
    )


def _represent(row: RefundRow, caller: Principal) -> Refund:
    plan, state = RefundPlan.model_validate(row.plan), RefundState(row.state)
    requested_by = Actor.model_validate(row.requested_by)
    staff = caller.is_staff
    return Refund(
        id=row.id,
        order_id=row.order_id,
        state=state,
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
        reason=RefundReason(row.reason),
        route=RefundRoute(row.route),
        failure=row.failure,
        needs_approval=plan.needs_approval,
        approval_reasons=list(plan.approval_reasons) if staff else [],
        note=row.note if staff else None,
        reference=row.reference,
        requested_by=requested_by if staff else None,
        decided_by=Actor.model_validate(row.decided_by) if staff and row.decided_by else None,
        stripe_refund_id=row.stripe_refund_id if staff else None,
        parts=_parts(plan) if staff else None,
        allowed_actions=refund_actions(caller.role, state, by_herself=requested_by.id == caller.owner_id),
        requested_at=row.requested_at,
        decided_at=row.decided_at,
        succeeded_at=row.succeeded_at,
    )


def _parts(plan: RefundPlan) -> list[RefundPart]:
    def money(amount_minor: int) -> Money:
        return Money(amount_minor=amount_minor, currency=plan.currency)

    return [
        RefundPart(
            line_id=part.line_id,
            amount=money(part.amount_minor),
            held=money(part.held_minor),
            provider_share=money(part.provider_share_minor),
            commission=money(part.commission_minor),
        )
        for part in plan.allocations
    ]
