"""Refunds are paid once, out of what is held or was released, and never more than was paid."""

import asyncio

import pytest

from fulfil.models.messages.refunds import RefundReason, RefundState
from tests.activities.refund_desk import BOSS, CLERK, RefundDesk
from tests.activities.till import Till


async def test_a_refund_before_the_release_comes_from_what_is_held(till: Till) -> None:
    desk = await RefundDesk.of(till, total_minor=10_000)

    opened = await desk.open(3_000)
    assert (opened.state, opened.plan.needs_approval) == (RefundState.REQUESTED, False)
    assert await desk.paid_back() == (0, 3_000)
    progress = await desk.send(opened.refund_id)

    assert progress.state is RefundState.SUCCEEDED
    assert await desk.paid_back() == (3_000, 0)
    assert await desk.books() == {"held": -7_000, "stripe": 7_000}
    (refund,) = await till.at_stripe("refunds", desk.job.order_id)
    assert (refund["amount"], refund["metadata"]["refund_id"]) == (3_000, opened.refund_id)
    assert (await till.shop.events(desk.job.order_id))[-4:] == [
        "refund.requested",
        "payment.refund_sent",
        "payment.refunded",
        "document.issued",
    ]
    await desk.check()


async def test_a_refund_after_the_release_takes_the_providers_share_and_our_commission_back(till: Till) -> None:
    desk = await RefundDesk.of(till, total_minor=10_000)
    await desk.release()

    opened = await desk.open(4_000)
    (part,) = opened.plan.allocations
    assert (opened.state, opened.plan.approval_reasons) == (RefundState.AWAITING_APPROVAL, ("after_release",))
    assert (part.held_minor, part.released_minor) == (0, 4_000)
    assert (part.provider_share_minor, part.commission_minor) == (3_400, 600)
    await desk.decide(opened.refund_id, approved=True)
    progress = await desk.send(opened.refund_id)

    assert progress.state is RefundState.SUCCEEDED
    (transfer,) = await till.at_stripe("transfers", desk.job.order_id)
    assert (transfer["amount"], transfer["amount_reversed"]) == (8_500, 3_400)
    books = await desk.books()
    assert books["commission"] + books["tax"] == -(1_500 - 600)
    assert {name: books[name] for name in books if name not in ("commission", "tax")} == {"stripe": 900}
    assert await till.shop.value("SELECT reversed_minor FROM transfers") == 3_400
    assert await till.shop.value("SELECT cause_id FROM transfer_reversals") == opened.refund_id
    assert "payment.transfer_reversed" in await till.shop.events(desk.job.order_id)
    await desk.check()


async def test_everything_released_comes_back_to_the_cent_in_three_uneven_parts(till: Till) -> None:
    desk = await RefundDesk.of(till, total_minor=9_999)
    await desk.release()

    for amount in (3_333, 1, None):
        await desk.refund(amount)

    assert await desk.books() == {}
    assert await desk.paid_back() == (9_999, 0)
    (transfer,) = await till.at_stripe("transfers", desk.job.order_id)
    assert transfer["reversed"]
    await desk.check()


async def test_what_an_empty_account_can_not_give_back_is_owed_and_kept_from_the_next_payout(till: Till) -> None:
    desk = await RefundDesk.of(till, total_minor=10_000, card="pm_card_bypassPending")
    await desk.release()
    await desk.empty_account()
    await desk.top_up(4_000)
    refund_id = await desk.refund(4_000)

    assert (await desk.row(refund_id)).state == RefundState.SUCCEEDED
    assert (await desk.books())["receivable"] == 3_400
    assert "payment.reversal_refused" in await till.shop.events(desk.job.order_id)
    await desk.check()

    later = RefundDesk(till, await till.secured_job(desk.provider, total_minor=10_000), desk.provider)
    settlement = await later.release()

    assert settlement.netted_minor == 3_400
    (transfer,) = await till.at_stripe("transfers", later.job.order_id)
    assert transfer["amount"] == 8_500 - 3_400


async def test_goodwill_is_the_platforms_own_money(till: Till) -> None:
    desk = await RefundDesk.of(till, total_minor=10_000)

    opened = await desk.open(1_000, RefundReason.GOODWILL)
    assert (opened.state, opened.plan.goodwill_minor) == (RefundState.AWAITING_APPROVAL, 1_000)
    assert opened.plan.allocations == ()
    await desk.decide(opened.refund_id, approved=True)
    await desk.send(opened.refund_id)

    assert await desk.books() == {"held": -10_000, "goodwill": 1_000, "stripe": 9_000}
    settlement = await desk.release()
    assert (settlement.released_minor, settlement.payout_minor) == (10_000, 8_500)
    await desk.check()


async def test_an_order_called_off_after_goodwill_pays_for_it_itself(till: Till) -> None:
    desk = await RefundDesk.of(till, total_minor=10_000)
    await desk.refund(1_000, RefundReason.GOODWILL)

    await desk.refund(reason=RefundReason.CANCELLATION)

    assert await desk.paid_back() == (10_000, 0)
    assert await desk.books() == {}
    await desk.check()


async def test_an_inquiry_of_the_bank_does_not_stop_a_refund(till: Till) -> None:
    desk = await RefundDesk.of(till, total_minor=10_000)
    charge = await till.shop.value("SELECT charge_id FROM payments")
    body = {"charge": charge, "inquiry": True}
    (await till.admin.post("/_simulator/disputes", json=body)).raise_for_status()

    refund_id = await desk.refund(3_000)

    assert (await desk.row(refund_id)).state == RefundState.SUCCEEDED


async def test_fifty_at_once_never_exceed_what_was_paid(till: Till) -> None:
    desk = await RefundDesk.of(till, total_minor=10_000)

    answers = await asyncio.gather(*(desk.open(700) for _ in range(50)))
    written = [answer for answer in answers if answer.plan.refusal_code is None]
    assert len(written) == 14
    assert {answer.plan.refusal_code for answer in answers} == {None, "refund_exceeds_paid"}
    assert await desk.paid_back() == (0, 9_800)
    await asyncio.gather(*(desk.send(answer.refund_id) for answer in written))

    assert await desk.paid_back() == (9_800, 0)
    assert sum(item["amount"] for item in await till.at_stripe("refunds", desk.job.order_id)) == 9_800
    await desk.check()


async def test_a_repeated_request_joins_the_first(till: Till) -> None:
    desk = await RefundDesk.of(till)

    first = await desk.open(3_000)
    again = await desk.open(3_000, refund_id=first.refund_id)
    await asyncio.gather(*(desk.send(first.refund_id) for _ in range(4)), return_exceptions=True)
    await desk.send(first.refund_id)

    assert again == first
    assert await desk.paid_back() == (3_000, 0)
    assert len(await till.at_stripe("refunds", desk.job.order_id)) == 1
    await desk.check()


async def test_an_amount_above_the_limit_needs_a_second_person_and_never_the_first(till: Till) -> None:
    desk = await RefundDesk.of(till, total_minor=60_000)
    at_limit = await desk.open(50_000)
    assert at_limit.state is RefundState.REQUESTED
    desk = await RefundDesk.of(till, total_minor=60_000)
    opened = await desk.open(50_001)
    assert (opened.state, opened.plan.approval_reasons) == (RefundState.AWAITING_APPROVAL, ("above_limit",))

    refused = await desk.decide(opened.refund_id, approved=True, by=CLERK)
    assert (refused.state, refused.refusal_code) == (RefundState.AWAITING_APPROVAL, "second_person_required")
    unsent = await desk.send(opened.refund_id)
    assert unsent.state is RefundState.AWAITING_APPROVAL
    assert await till.at_stripe("refunds", desk.job.order_id) == []
    approved = [await desk.decide(opened.refund_id, approved=True) for _ in range(2)]

    assert {answer.state for answer in approved} == {RefundState.REQUESTED}
    assert (await desk.send(opened.refund_id)).state is RefundState.SUCCEEDED
    assert (await desk.row(opened.refund_id)).decided_by["id"] == BOSS.id
    assert (await till.shop.events(desk.job.order_id)).count("refund.approved") == 1


async def test_a_limit_is_not_got_round_by_many_small_refunds(till: Till) -> None:
    desk = await RefundDesk.of(till, total_minor=100_000)
    first = await desk.refund(30_000)
    second = await desk.open(20_000)
    third = await desk.open(1)

    assert (await desk.row(first)).state == RefundState.SUCCEEDED
    assert second.state is RefundState.REQUESTED
    assert (third.state, third.plan.approval_reasons) == (RefundState.AWAITING_APPROVAL, ("above_limit",))
    assert (await desk.send(second.refund_id)).state is RefundState.SUCCEEDED
    await desk.decide(third.refund_id, approved=True)
    assert (await desk.send(third.refund_id)).state is RefundState.SUCCEEDED
    assert await desk.paid_back() == (50_001, 0)
    await desk.check()


async def test_a_rejected_refund_frees_its_amount(till: Till) -> None:
    desk = await RefundDesk.of(till, total_minor=60_000)
    opened = await desk.open()

    rejected = [await desk.decide(opened.refund_id, approved=False) for _ in range(2)]

    assert {answer.state for answer in rejected} == {RefundState.REJECTED}
    assert await desk.paid_back() == (0, 0)
    assert (await desk.open()).plan.amount_minor == 60_000
    assert (await desk.books())["held"] == -60_000


async def test_a_cancellation_needs_nobody_while_its_money_is_held(till: Till) -> None:
    desk = await RefundDesk.of(till, total_minor=60_000)

    opened = await desk.open(reason=RefundReason.CANCELLATION)

    assert (opened.state, opened.plan.needs_approval) == (RefundState.REQUESTED, False)


async def test_money_released_after_the_request_needs_a_second_person_before_it_is_sent(till: Till) -> None:
    desk = await RefundDesk.of(till, total_minor=10_000)
    opened = await desk.open(4_000)
    await desk.release()

    waiting = await desk.send(opened.refund_id)
    assert waiting.state is RefundState.AWAITING_APPROVAL
    assert await till.at_stripe("refunds", desk.job.order_id) == []
    await desk.decide(opened.refund_id, approved=True)
    assert (await desk.send(opened.refund_id)).state is RefundState.SUCCEEDED

    assert await till.shop.value("SELECT reversed_minor FROM transfers") == 3_400
    await desk.check()


async def test_an_open_chargeback_refuses_refunds_and_holds_a_cancellation_back(till: Till) -> None:
    desk = await RefundDesk.of(till)
    await till.shop.sql("UPDATE payments SET frozen_at = now()")

    refused = await desk.open(1_000)
    assert (refused.plan.refusal_code, refused.state) == ("payment_frozen", RefundState.REJECTED)
    assert await till.shop.sql("SELECT id FROM refunds") == []
    held_back = await desk.open(reason=RefundReason.CANCELLATION)
    assert (held_back.state, held_back.plan.approval_reasons) == (RefundState.AWAITING_APPROVAL, ("payment_frozen",))
    answer = await desk.decide(held_back.refund_id, approved=True)
    assert (answer.state, answer.refusal_code) == (RefundState.AWAITING_APPROVAL, "payment_frozen")

    await till.shop.sql("UPDATE payments SET frozen_at = NULL")
    await desk.decide(held_back.refund_id, approved=True)
    assert (await desk.send(held_back.refund_id)).state is RefundState.SUCCEEDED


async def test_a_chargeback_opened_before_the_sending_stops_it(till: Till) -> None:
    desk = await RefundDesk.of(till)
    opened = await desk.open(1_000)
    await till.shop.sql("UPDATE payments SET frozen_at = now()")

    assert (await desk.send(opened.refund_id)).state is RefundState.AWAITING_APPROVAL
    assert await till.at_stripe("refunds", desk.job.order_id) == []
    assert (await desk.books())["held"] == -10_000


@pytest.mark.parametrize("authorized", [True, False])
async def test_nothing_captured_is_nothing_to_refund(till: Till, authorized: bool) -> None:
    job = await till.open_job() if authorized else None
    order_id = job.order_id if job else (await till.place()).order_id
    desk = RefundDesk(till, job or await till.open_job(), "")
    desk.job = desk.job.model_copy(update={"order_id": order_id})

    refused = await desk.open()

    assert refused.plan.refusal_code == "payment_not_captured"
