"""Refunds as rows, where a test is about the API alone."""

from sqlalchemy import update

from fulfil.kit.clock import utc_now
from fulfil.models.ids import new_id
from fulfil.models.messages.parties import Actor, ActorKind
from fulfil.models.messages.payments import PaymentState
from fulfil.models.messages.refunds import RefundAllocation, RefundPlan, RefundReason, RefundState
from fulfil.models.tables.payments import PaymentRow, RefundRow
from tests.api.world import Person, World, line_id_of

CLERK = Actor(kind=ActorKind.SUPPORT, id=new_id("acc"))


async def add_paid_order(world: World, customer: Person) -> str:
    """An order of 12.99, captured."""
    order_id = await world.order(customer, payment=PaymentState.CAPTURED)
    async with world.begin() as session:
        captured = update(PaymentRow).where(PaymentRow.order_id == order_id)
        await session.execute(captured.values(captured_at=utc_now(), charge_id=f"ch_{order_id}"))
    return order_id


async def add_refund(
    world: World,
    order_id: str,
    *,
    refund_id: str = "",
    state: RefundState = RefundState.AWAITING_APPROVAL,
    amount_minor: int = 300,
    requested_by: Actor = CLERK,
) -> str:
    """A refund of a part of the order's only line, its amount reserved."""
    refund_id = refund_id or new_id("ref")
    part = RefundAllocation(line_id=line_id_of(order_id), held_minor=amount_minor)
    plan = RefundPlan(
        order_id=order_id,
        amount_minor=amount_minor,
        allocations=(part,),
        needs_approval=True,
        approval_reasons=("above_limit",),
    )
    now = utc_now()
    await world.add(
        RefundRow(
            id=refund_id,
            order_id=order_id,
            amount_minor=amount_minor,
            currency="eur",
            state=state,
            reason=RefundReason.QUALITY,
            note="the edge is broken",
            plan=plan.model_dump(mode="json"),
            requested_by=requested_by.model_dump(mode="json"),
            requested_at=now,
            updated_at=now,
        )
    )
    async with world.begin() as session:
        reserved = update(PaymentRow).where(PaymentRow.order_id == order_id)
        await session.execute(reserved.values(refunding_minor=PaymentRow.refunding_minor + amount_minor))
    return refund_id
