"""No share is taken from a provider, or paid to her, twice: whatever comes before or after whatever else."""

from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from fulfil.ledger.checks import check_order
from fulfil.models.ids import new_id
from tests.activities.chargeback_desk import Desk, paid
from tests.activities.collecting import pay_providers
from tests.activities.refund_desk import RefundDesk
from tests.activities.till import Till


async def check(till: Till, desk: RefundDesk) -> None:
    """Ours and Stripe's books agree, and nothing contradicts itself."""
    await desk.check()
    async with till.shop.owner.begin() as session:
        assert await check_order(session, desk.job.order_id, till.shop.clock() + timedelta(days=1)) == []


async def paid_net(till: Till, desk: RefundDesk) -> int:
    """What the provider has got of the order in the end: transferred, less what was reversed and what she owes."""
    query = "SELECT coalesce(sum(amount_minor - reversed_minor), 0)::bigint FROM transfers WHERE order_id = :id"
    owes = "SELECT coalesce(sum(balance_minor), 0)::bigint FROM ledger_balances WHERE account = :account"
    transferred = int(await till.shop.value(query, id=desk.job.order_id))
    return transferred - int(await till.shop.value(owes, account=f"asset:receivable:{desk.provider}"))


async def parked(till: Till) -> RefundDesk:
    """A released job whose transfer waits for the provider's account."""
    provider = await till.shop.add_provider(stripe_account_id=None)
    desk = RefundDesk(till, await till.secured_job(provider), provider)
    with pytest.raises(ApplicationError, match="no Stripe account"):
        await desk.release()
    return desk


async def complete(till: Till, desk: RefundDesk) -> None:
    """Support names her account and retries the step."""
    account = await till.gateway.create_recipient_account(
        provider_id=desk.provider, name="Maker", idempotency_key=new_id("key")
    )
    await till.shop.sql("UPDATE providers SET stripe_account_id = :a WHERE id = :p", a=account, p=desk.provider)
    assert (await desk.release()).order_closed


async def disputed(till: Till, desk: RefundDesk) -> Desk:
    """The card network takes the order's money."""
    charge_id = await till.shop.value("SELECT charge_id FROM payments WHERE order_id = :id", id=desk.job.order_id)
    found = await Desk(till, desk.job.order_id, charge_id).dispute()
    await found.read()
    return found


async def test_a_full_refund_before_the_parked_transfer_leaves_nothing_to_transfer(till: Till) -> None:
    desk = await parked(till)
    await desk.refund()

    await complete(till, desk)

    assert await till.at_stripe("transfers", desk.job.order_id) == []
    assert {"payable", "receivable", "held"} & set(await desk.books()) == set()
    await check(till, desk)


async def test_a_partial_refund_before_the_parked_transfer_leaves_the_rest_to_transfer(till: Till) -> None:
    desk = await parked(till)
    await desk.refund(4_000)

    await complete(till, desk)

    (transfer,) = await till.at_stripe("transfers", desk.job.order_id)
    assert transfer["amount"] == 5_100
    assert {"payable", "receivable", "held"} & set(await desk.books()) == set()
    await check(till, desk)


async def test_a_chargeback_lost_before_the_parked_transfer_leaves_nothing_to_transfer(till: Till) -> None:
    desk = await parked(till)
    dispute = await disputed(till, desk)
    await dispute.decide("lost")
    await dispute.read()

    await complete(till, desk)

    assert await till.at_stripe("transfers", desk.job.order_id) == []
    assert {"payable", "receivable", "held"} & set(await desk.books()) == set()


async def test_a_refund_given_up_and_a_full_one_after_it_take_her_share_once(till: Till) -> None:
    provider = await till.add_payee()
    desk = RefundDesk(till, await till.secured_job(provider, card="pm_card_refundFail"), provider)
    await desk.release()
    first = await desk.refund(4_000)
    (await till.admin.post("/_simulator/clock", json={"advance_s": 86_400})).raise_for_status()
    await desk.look(first)
    await desk.decide(first, approved=False)

    await desk.refund()
    await pay_providers(till)

    assert await paid_net(till, desk) == 0
    assert {"payable", "held"} & set(await desk.books()) == set()


async def test_a_refund_after_a_won_appeal_takes_her_share_once(till: Till) -> None:
    counter, job, provider = await paid(till)
    desk = RefundDesk(till, job, provider)
    await desk.release()
    dispute = await counter.dispute()
    await dispute.read()
    for status in ("lost", "appeal_needs_response", "won"):
        await dispute.decide(status)
        await dispute.read()

    await desk.refund()
    await pay_providers(till)

    assert await paid_net(till, desk) == 0
    assert {"payable", "held"} & set(await desk.books()) == set()


async def test_a_late_event_of_a_refund_in_the_older_books_changes_nothing(till: Till) -> None:
    desk = await RefundDesk.of(till)
    refund_id = await desk.refund(3_000)
    stripe_refund_id = (await desk.row(refund_id)).stripe_refund_id
    for statement in (
        "ALTER TABLE ledger_transactions DISABLE TRIGGER USER",
        "ALTER TABLE ledger_postings DISABLE TRIGGER USER",
        "DELETE FROM balance_transactions WHERE source_id = :id",
        (
            "DELETE FROM ledger_postings WHERE transaction_id IN "
            "(SELECT id FROM ledger_transactions WHERE stripe_object_id = :id AND kind = 'refund_taken')"
        ),
        "DELETE FROM ledger_transactions WHERE stripe_object_id = :id AND kind = 'refund_taken'",
        "UPDATE ledger_postings SET account = 'asset:stripe' WHERE account LIKE 'asset:refunds_in_transit%'",
        "ALTER TABLE ledger_transactions ENABLE TRIGGER USER",
        "ALTER TABLE ledger_postings ENABLE TRIGGER USER",
        "DELETE FROM ledger_balances WHERE account LIKE 'asset:refunds_in_transit%'",
    ):
        await till.shop.sql(statement, **({"id": stripe_refund_id} if ":id" in statement else {}))
    as_booked_before = await desk.books()

    await desk.hear(stripe_refund_id)

    assert await desk.books() == as_booked_before
