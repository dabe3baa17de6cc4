"""What a provider and the platform owe each other ends at zero: asked back again, kept once, given back and paid."""

from datetime import timedelta

import pytest

from fulfil.activities.refund_bookkeeping import take_back_of
from fulfil.activities.refund_planning import plan_of
from fulfil.gateways.stripe.errors import StripeUnavailableError
from fulfil.ledger.checks import check_books, check_order
from fulfil.models.messages.reconciliation import FindingKind
from fulfil.models.messages.refunds import RefundState
from fulfil.models.tables.payments import RefundRow
from tests.activities.collecting import collect_receivables, pay_providers
from tests.activities.refund_desk import RefundDesk
from tests.activities.till import Till

PENDING = "pm_card_pendingRefund"


async def check(till: Till, desk: RefundDesk) -> None:
    """Ours and Stripe's books agree, and nothing contradicts itself."""
    await desk.check()
    async with till.shop.owner.begin() as session:
        findings = await check_order(session, desk.job.order_id, till.shop.clock() + timedelta(days=1))
    assert findings == []


async def balance(till: Till, account: str) -> int:
    """What a guarded account holds."""
    query = "SELECT coalesce(sum(balance_minor), 0)::bigint FROM ledger_balances WHERE account = :account"
    return int(await till.shop.value(query, account=account))


async def owing(till: Till) -> tuple[RefundDesk, str]:
    """A provider whose account could not give 34.00 back."""
    desk = await RefundDesk.of(till, total_minor=10_000, card="pm_card_bypassPending")
    await desk.release()
    await desk.empty_account()
    await desk.top_up(20_000)
    return desk, await desk.refund(4_000)


async def fund(desk: RefundDesk) -> RefundDesk:
    """The provider earns with another order: her account can pay."""
    later = await RefundDesk.of(desk.till, total_minor=10_000, card="pm_card_bypassPending")
    await desk.till.shop.sql(
        "UPDATE providers SET stripe_account_id = (SELECT stripe_account_id FROM providers WHERE id = :debtor) "
        "WHERE id = :other",
        debtor=desk.provider,
        other=later.provider,
    )
    await later.release()
    return later


async def test_a_refused_reversal_is_asked_again_until_the_account_can_pay(till: Till) -> None:
    desk, refund_id = await owing(till)
    receivable = f"asset:receivable:{desk.provider}"
    assert await balance(till, receivable) == 3_400
    assert await collect_receivables(till) == 0
    await fund(desk)
    till.shop.clock.advance(hours=1)

    assert [await collect_receivables(till) for _ in range(2)] == [1, 0]

    assert await balance(till, receivable) == 0
    row = (await till.shop.sql("SELECT * FROM transfer_reversals WHERE cause_id = :id", id=refund_id))[0]
    assert (row.amount_minor, row.business_key) == (3_400, f"{refund_id}:reversal:{desk.job.job_id}:2")
    assert "receivable" not in await desk.books()
    await check(till, desk)


async def test_what_was_kept_from_a_payout_is_not_collected_too(till: Till) -> None:
    desk, _ = await owing(till)
    later = RefundDesk(
        till, await till.secured_job(desk.provider, total_minor=2_000, card="pm_card_bypassPending"), desk.provider
    )
    assert (await later.release()).netted_minor == 1_700
    await fund(desk)
    till.shop.clock.advance(hours=1)

    assert await collect_receivables(till) == 1

    assert await till.shop.value("SELECT amount_minor FROM transfer_reversals") == 1_700
    assert await balance(till, f"asset:receivable:{desk.provider}") == 0
    assert await balance(till, f"liability:payable:{desk.provider}") == 0
    await check(till, desk)


async def test_a_collection_whose_answer_was_lost_is_booked_once(till: Till) -> None:
    desk, _ = await owing(till)
    await fund(desk)
    till.shop.clock.advance(hours=1)
    await till.fail("POST /v1/transfers/.+/reversals", "drop_after")
    with pytest.raises(StripeUnavailableError):
        await collect_receivables(till)
    till.shop.clock.advance(hours=1)

    assert [await collect_receivables(till) for _ in range(2)] == [1, 0]

    (transfer,) = await till.at_stripe("transfers", desk.job.order_id)
    assert transfer["amount_reversed"] == 3_400
    assert await balance(till, f"asset:receivable:{desk.provider}") == 0
    await check(till, desk)


async def test_what_is_owed_for_120_days_is_found_and_nothing_is_posted(till: Till) -> None:
    desk, _ = await owing(till)

    async def overdue(days: int) -> list[tuple[str, int | None]]:
        async with till.shop.owner.begin() as session:
            found = await check_books(session, till.shop.clock() + timedelta(days=days))
        return [(one.subject, one.amount_minor) for one in found if one.kind is FindingKind.RECEIVABLE_OVERDUE]

    assert await overdue(119) == []
    assert await overdue(121) == [(desk.provider, 3_400)]
    assert await balance(till, f"asset:receivable:{desk.provider}") == 3_400


async def test_what_is_being_taken_back_is_not_kept_from_a_payout_too(till: Till) -> None:
    desk = await RefundDesk.of(till, total_minor=10_000)
    await desk.release()
    opened = await desk.open(4_000)
    await desk.decide(opened.refund_id, approved=True)
    await till.fail("POST /v1/transfers/.+/reversals", "drop_before")
    with pytest.raises(StripeUnavailableError):
        await desk.send(opened.refund_id)
    assert await balance(till, f"asset:receivable:{desk.provider}") == 3_400

    later = RefundDesk(till, await till.secured_job(desk.provider, total_minor=10_000), desk.provider)
    settlement = await later.release()
    assert (await desk.send(opened.refund_id)).state is RefundState.SUCCEEDED

    assert settlement.netted_minor == 0
    assert await balance(till, f"asset:receivable:{desk.provider}") == 0
    assert await balance(till, f"liability:payable:{desk.provider}") == 0
    await check(till, desk)
    await check(till, later)


async def test_what_was_kept_and_came_back_as_well_is_paid_to_the_provider_again(till: Till) -> None:
    desk = await RefundDesk.of(till, total_minor=10_000, card="pm_card_bypassPending")
    await desk.release()
    await desk.empty_account()
    await desk.top_up(20_000)
    refund_id = await desk.refund(4_000)
    later = RefundDesk(till, await till.secured_job(desk.provider, total_minor=10_000), desk.provider)
    assert (await later.release()).netted_minor == 3_400
    await fund(desk)
    # Stripe made the reversal after all: a request that it had refused to others.
    async with till.shop.worker.begin() as session:
        row = await session.get_one(RefundRow, refund_id)
        taken = take_back_of(row, plan_of(row).allocations[0])
    await till.gateway.reverse_transfer(
        taken.transfer_id or "",
        amount_minor=3_400,
        order_id=desk.job.order_id,
        refund_id=refund_id,
        idempotency_key=f"{taken.key}:1",
    )
    await till.owe(desk.provider, 100)
    till.shop.clock.advance(hours=1)

    assert await collect_receivables(till) == 1
    assert await balance(till, f"liability:payable:{desk.provider}") == -3_300
    assert [await pay_providers(till) for _ in range(2)] == [1, 0]

    assert await balance(till, f"liability:payable:{desk.provider}") == 0
    assert await balance(till, f"asset:receivable:{desk.provider}") == 0
    await check(till, desk)
    await check(till, later)


@pytest.mark.parametrize("is_lost", [False, True])
async def test_a_refund_given_up_after_the_release_leaves_nothing_held(till: Till, is_lost: bool) -> None:
    desk = await RefundDesk.of(till, total_minor=10_000, card=PENDING)
    await till.shop.run_order_workflow(desk.job.order_id)
    await desk.release()
    before = await desk.books()
    refund_id = await desk.refund(4_000)
    stripe_id = (await desk.row(refund_id)).stripe_refund_id
    answer = await till.admin.post(f"/_simulator/refunds/{stripe_id}", json={"status": "failed"})
    answer.raise_for_status()
    assert (await desk.look(refund_id)).state is RefundState.FAILED

    for _ in range(2):
        assert (await desk.decide(refund_id, approved=False)).state is RefundState.REJECTED

    books = await desk.books()
    assert "held" not in books
    assert books["payable"] == -3_400
    await desk.top_up(20_000)
    if is_lost:
        await till.fail("POST /v1/transfers", "drop_after")
        with pytest.raises(StripeUnavailableError):
            await pay_providers(till)
    assert [await pay_providers(till) for _ in range(2)] == [1, 0]
    assert await desk.books() == before
    assert await desk.paid_back() == (0, 0)
    transfers = await till.at_stripe("transfers", desk.job.order_id)
    assert sum(one["amount"] - one["amount_reversed"] for one in transfers) == 8_500
    await check(till, desk)
