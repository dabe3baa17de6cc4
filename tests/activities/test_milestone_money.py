"""Random turns of the money of an order with milestones: settled, refunded, charged back; always exact to the cent."""

import random

import pytest

from fulfil.models.ids import new_id
from fulfil.models.messages.refunds import RefundLine, RefundReason, RefundScope, StartRefund
from tests.activities.chargeback_desk import Desk
from tests.activities.lines_desk import LinesDesk
from tests.activities.refund_desk import CLERK
from tests.activities.till import Till

TURNS = 7


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_whatever_happens_to_its_milestones_an_order_pays_out_what_was_paid_in(till: Till, seed: int) -> None:
    chance = random.Random(seed)
    desk = await LinesDesk.place(till)
    await desk.accept(0)
    unpaid = [desk.job(0), *(desk.milestone_job(1, number) for number in (1, 2, 3))]
    for _ in range(TURNS):
        turn = chance.choice(["settle", "settle", "refund", "refund", "charge back"])
        if turn == "settle" and unpaid:
            await desk.settle(unpaid.pop(chance.randrange(len(unpaid))))
        elif turn == "refund":
            await refund(desk, chance)
        elif turn == "charge back":
            await charge_back(desk, chance)
        await desk.check()
    for job_id in unpaid:
        await desk.settle(job_id)

    await desk.check()
    assert await desk.order_state() == "closed"
    assert (await till.shop.ledger(desk.order_id)).get(f"liability:held:{desk.order_id}", 0) == 0
    ((paid, left),) = await till.shop.sql(
        "SELECT p.amount_minor, p.amount_minor - p.refunded_minor - p.refunding_minor FROM payments p"
    )
    assert 0 <= left <= paid == 15_001


async def refund(desk: LinesDesk, chance: random.Random) -> None:
    """A part of one line, if so much is left of it."""
    line = chance.choice(desk.opened.lines)
    part = RefundLine(line_id=line.line_id, amount_minor=chance.randint(1, 2_500))
    start = StartRefund(
        refund_id=new_id("ref"),
        order_id=desk.order_id,
        scope=RefundScope(lines=(part,)),
        reason=RefundReason.QUALITY,
        requested_by=CLERK,
        looks_s=(1,),
    )
    await desk.refund(start.refund_id, start)


async def charge_back(desk: LinesDesk, chance: random.Random) -> None:
    """The bank takes a part back, for good."""
    charge = await desk.till.shop.value("SELECT charge_id FROM payments")
    left = await desk.till.shop.value(
        "SELECT amount_minor - refunded_minor - (SELECT coalesce(sum(amount_minor), 0) FROM chargebacks) FROM payments"
    )
    amount = min(chance.randint(100, 3_000), int(left))
    if amount <= 0:
        return
    lost = await Desk(desk.till, desk.order_id, charge).dispute(amount=amount)
    await lost.read()
    await lost.decide("lost")
    await lost.read()
