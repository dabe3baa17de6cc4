"""Money that waits for somebody: refunds to decide on or to send another way, chargebacks to answer."""

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.actions import refund_actions
from fulfil.api.readers.chargebacks import APPEALABLE, AWAITING_ANSWER, actions_of, next_of
from fulfil.api.schemas.support import StuckOrder
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.parties import Role, WaitingOn
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.refunds import RefundState
from fulfil.models.money import format_money
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.payments import ChargebackRow, RefundRow

MOST_WAITING = 500
REASON = "--reason '…'"


async def list_waiting_money(session: AsyncSession) -> list[StuckOrder]:
    """What `fulfil stuck` adds to the timelines' heads; the longest waiting of each kind first."""
    refunds = (
        select(RefundRow, OrderRow.state)
        .join(OrderRow, OrderRow.id == RefundRow.order_id)
        .where(RefundRow.state.in_((RefundState.AWAITING_APPROVAL, RefundState.FAILED)))
        .order_by(RefundRow.updated_at)
        .limit(MOST_WAITING)
    )
    chargebacks = (
        select(ChargebackRow, OrderRow)
        .join(OrderRow, OrderRow.id == ChargebackRow.order_id)
        .where(
            or_(ChargebackRow.stripe_status.in_(AWAITING_ANSWER), ChargebackRow.stripe_status == APPEALABLE),
            ChargebackRow.closed_at.is_(None),
        )
        .order_by(ChargebackRow.opened_at)
        .limit(MOST_WAITING)
    )
    return [
        *(_refund(row, OrderState(state)) for row, state in await session.execute(refunds)),
        *(_chargeback(row, order) for row, order in await session.execute(chargebacks)),
    ]


def _refund(row: RefundRow, state: OrderState) -> StuckOrder:
    amount = format_money(row.amount_minor, row.currency)
    failed = row.state == RefundState.FAILED
    return StuckOrder(
        order_id=row.order_id,
        order_state=state,
        kind="refund",
        step=row.id,
        cause=f"a refund of {amount} failed: {row.failure or 'unknown'}" if failed else f"a refund of {amount}",
        owner=WaitingOn.SUPPORT,
        since=row.updated_at,
        workflow_id=None,
        allowed_actions=refund_actions(Role.SUPPORT, RefundState(row.state), by_herself=False),
        next_action=(
            "Send it another way (card, bank or credit), or give it up."
            if failed
            else "Approve or reject it, as a second person: not who asked for it."
        ),
        command=(
            f"fulfil refund reroute {row.id} --route credit {REASON}"
            if failed
            else f"fulfil refund approve {row.id} {REASON}"
        ),
    )


def _chargeback(row: ChargebackRow, order: OrderRow) -> StuckOrder:
    actions = actions_of(row)
    following = next_of(row, OrderPolicies.model_validate(order.policies))
    what = "inquiry" if row.is_inquiry else "chargeback"
    due = f", to be answered by {row.evidence_due_at:%Y-%m-%d %H:%M} UTC" if row.evidence_due_at else ""
    return StuckOrder(
        order_id=row.order_id,
        order_state=OrderState(order.state),
        kind="chargeback",
        step=row.id,
        cause=f"{what} of {format_money(row.amount_minor, row.currency)} ({row.reason}){due}",
        owner=following.who if following else WaitingOn.SUPPORT,
        since=row.opened_at,
        workflow_id=None,
        allowed_actions=actions,
        next_action=following.what if following else "look at it",
        command=(
            f"fulfil chargeback submit {row.id} {REASON}" if "submit" in actions else f"fulfil chargeback show {row.id}"
        ),
    )
