"""Support on real servers: a parked payout is found and moved on; a reset past the charge charges nothing twice."""

import json

from sqlalchemy import text

from fulfil.cli.playing.following import LiveTimeline, Market
from fulfil.cli.playing.scenes import make_and_deliver, pay_in_full, race
from fulfil.models.messages.events import EventType
from tests.e2e.conftest import World, fulfil

NOWHERE = "acct_nowhere"


async def test_a_parked_payout_is_listed_and_retried_once_its_cause_is_gone(world: World) -> None:
    customer, support, member = world.shop.customer, world.support, world.members[0]
    account = await set_stripe_account(world, member.id, NOWHERE)
    order = await customer.place(world.shop.quote)
    async with LiveTimeline(customer, order.id) as live, LiveTimeline(support, order.id) as seen_by_support:
        await pay_in_full(customer, order.id)
        job_id = (await live.until(EventType.JOB_OPENED)).subject
        won = await race(await Market([member.person]).chances(job_id))
        await make_and_deliver(won.winner, job_id)
        await customer.approve(job_id)
        await seen_by_support.until(EventType.STEP_PARKED)

        listed = await fulfil("stuck", "-o", "json", as_person=support)
        mine = next(stuck for stuck in json.loads(listed.out)["data"] if stuck["order_id"] == order.id)
        assert (listed.code, mine["step"], mine["allowed_actions"]) == (0, "settle_job", ["retry", "reset"])
        table = await fulfil("stuck", as_person=support)
        assert order.id in table.out
        assert "fulfil support retry" in table.out

        reason = "--reason=account corrected"
        skip = await fulfil("support", "skip", order.id, reason, "--dry-run", as_person=support)
        assert (skip.code, "does not allow skip" in skip.err) == (1, True)
        rehearsal = await fulfil("support", "retry", order.id, reason, "--dry-run", as_person=support)
        assert (rehearsal.code, "Nothing was changed" in rehearsal.out) == (0, True)
        await set_stripe_account(world, member.id, account)
        retried = await fulfil("support", "retry", order.id, reason, as_person=support)
        assert retried.code == 0, retried.err
        await live.until(EventType.ORDER_CLOSED)
        resolved = await seen_by_support.until(EventType.STEP_RESOLVED)
    assert (resolved.actor.kind, resolved.data["reason"]) == ("support", "account corrected")
    again = await fulfil("support", "retry", order.id, reason, as_person=support)
    assert (again.code, "nothing_parked" in again.err) == (1, True)
    assert await world.broken_promises(order.id) == []


async def test_a_reset_past_the_charge_charges_once(world: World) -> None:
    customer, support = world.shop.customer, world.support
    order = await customer.place(world.shop.quote)
    async with LiveTimeline(customer, order.id) as live:
        await pay_in_full(customer, order.id)
        job_id = (await live.until(EventType.JOB_OPENED)).subject
        won = await race(await world.shop.market.chances(job_id))
        await won.winner.start(job_id)
        arguments = ("support", "reset", order.id, "--step=secure_acceptance", "--reason=testing the reset")
        rehearsal = await fulfil(*arguments, "--dry-run", as_person=support)
        assert (rehearsal.code, "Nothing was changed" in rehearsal.out) == (0, True)
        ran = await fulfil(*arguments, "-o", "json", as_person=support)
        assert ran.code == 0, ran.err
        reset = json.loads(ran.out)
        assert reset["from_run_id"] != reset["to_run_id"]
        await won.winner.check_quality(job_id)
        await won.winner.ship(job_id, "DHL", "1")
        await won.winner.deliver(job_id)
        await customer.approve(job_id)
        await live.until(EventType.ORDER_CLOSED)
    stripe = await world.stripe()
    order_of = stripe.orders_by_intent()
    charges = [charge for charge in stripe.captured() if order_of[charge.payment_intent] == order.id]
    transfers = [transfer for transfer in stripe.transfers if transfer.transfer_group == order.id]
    assert (len(charges), len(transfers)) == (1, 1)
    types = [event.type for event in await support.timeline(order.id)]
    assert types.count(EventType.PAYMENT_CAPTURED) == types.count(EventType.JOB_ACCEPTED) == 1
    assert EventType.SUPPORT_RESET in types
    assert await world.broken_promises(order.id) == []


async def set_stripe_account(world: World, provider_id: str, account: str) -> str:
    """Give a provider another account, as its owner would at Stripe; the one she had."""
    async with world.owner.begin() as session:
        before = await session.scalar(
            text("SELECT stripe_account_id FROM providers WHERE id = :id"), {"id": provider_id}
        )
        await session.execute(
            text("UPDATE providers SET stripe_account_id = :account WHERE id = :id"),
            {"account": account, "id": provider_id},
        )
    return str(before)
