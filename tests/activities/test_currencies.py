"""An order in every kind of currency, from its quote to a refund of a part of it: exact, representable, never mixed."""

import random
from dataclasses import dataclass

import httpx
import pytest

from fulfil.activities.chargeback_truth import chargeback_id_of
from fulfil.activities.chargebacks import StripeChargebackActivities
from fulfil.gateways.stripe.amounts import to_stripe
from fulfil.models.messages.chargebacks import ReadChargeback
from fulfil.models.messages.documents import DocumentKind, LineRole
from fulfil.models.messages.refunds import RefundState
from fulfil.models.money import step_minor
from tests.activities.foreign_till import ForeignTill, quoted
from tests.activities.paperwork import Paperwork
from tests.activities.refund_desk import RefundDesk
from tests.activities.till import Till


@dataclass(frozen=True)
class Sale:
    """Printed pieces by the price list, and a refund of `refund` after the provider was paid."""

    currency: str
    pieces: int
    total: int
    fee: int
    payout: int
    commission: int
    commission_tax: int
    refund: int
    taken_from_provider: int
    commission_back: int
    tax_back: int
    invoice_tax: int


SALES = [
    Sale("usd", 3, 2_616, 64, 2_224, 329, 63, 1_041, 885, 131, 25, 418),
    Sale("gbp", 3, 2_080, 56, 1_768, 262, 50, 831, 706, 105, 20, 332),
    Sale("jpy", 3, 3_880, 83, 3_298, 489, 93, 1_551, 1_318, 196, 37, 619),
    # 15 % are 1.5735 dinars, and 85 % of the refund 3.5629: neither could be transferred or taken back.
    Sale("kwd", 4, 10_490, 180, 8_920, 1_319, 251, 4_190, 3_560, 529, 101, 1_675),
]
in_each_currency = pytest.mark.parametrize("sale", SALES, ids=[sale.currency for sale in SALES])


@in_each_currency
async def test_a_sale_is_booked_exactly_from_the_card_to_a_refund_of_a_part(till: Till, sale: Sale) -> None:
    foreign = ForeignTill.of(till, sale.currency)
    assert quoted(sale.currency, sale.pieces).total_minor == sale.total

    desk = await RefundDesk.of(foreign, total_minor=sale.total)
    settled = await desk.release()
    refund_id = await desk.refund(sale.refund)

    assert (settled.payout_minor, settled.currency) == (sale.payout, sale.currency)
    assert (await desk.row(refund_id)).state == RefundState.SUCCEEDED
    booked = await foreign.postings(desk.job.order_id)
    assert {currency for *_, currency in booked} == {sale.currency}
    assert {kind: legs(booked, kind) for kind, *_ in booked} == {
        "authorization": {"authorized": sale.total, "authorized_contra": -sale.total},
        "charge": {"stripe": sale.total, "held": -sale.total},
        "stripe_fee": {"stripe_fee": sale.fee, "stripe": -sale.fee},
        "authorization_ended": {"authorized": -sale.total, "authorized_contra": sale.total},
        "release": {
            "held": sale.total,
            "payable": -sale.payout,
            "commission": -sale.commission,
            "tax": -sale.commission_tax,
        },
        "transfer": {"payable": sale.payout, "stripe": -sale.payout},
        "release_taken_back": {
            "receivable": sale.taken_from_provider,
            "commission": sale.commission_back,
            "tax": sale.tax_back,
            "held": -sale.refund,
        },
        "refund_decided": {"held": sale.refund, "refund_due": -sale.refund},
        "transfer_reversed": {"stripe": sale.taken_from_provider, "receivable": -sale.taken_from_provider},
        "refund_taken": {"refunds_in_transit": sale.refund, "stripe": -sale.refund},
        "refund_succeeded": {"refund_due": sale.refund, "refunds_in_transit": -sale.refund},
    }
    await desk.check()
    assert await foreign.findings() == []


@in_each_currency
async def test_every_amount_at_stripe_is_one_it_can_move(till: Till, sale: Sale) -> None:
    foreign = ForeignTill.of(till, sale.currency)
    desk = await RefundDesk.of(foreign, total_minor=sale.total)
    await desk.release()
    await desk.refund(sale.refund)

    moved = {
        kind: await foreign.at_stripe(kind, desk.job.order_id)
        for kind in ("payment_intents", "charges", "transfers", "refunds")
    }
    amounts = {kind: [item["amount"] for item in items] for kind, items in moved.items()}
    assert amounts == {
        "payment_intents": [to_stripe(sale.total, sale.currency)],
        "charges": [to_stripe(sale.total, sale.currency)],
        "transfers": [to_stripe(sale.payout, sale.currency)],
        "refunds": [to_stripe(sale.refund, sale.currency)],
    }
    (transfer,) = moved["transfers"]
    assert transfer["amount_reversed"] == to_stripe(sale.taken_from_provider, sale.currency)
    assert {item["currency"] for items in moved.values() for item in items} == {sale.currency}


@in_each_currency
async def test_documents_of_a_sale_add_up_to_what_was_paid_and_paid_back(till: Till, sale: Sale) -> None:
    foreign = ForeignTill.of(till, sale.currency)
    desk = await RefundDesk.of(foreign, total_minor=sale.total)
    await desk.release()
    await desk.refund(sale.refund)

    documents = await Paperwork(till.shop).snapshots(desk.job.order_id)

    assert {document.currency for document in documents} == {sale.currency}
    assert [(document.kind, document.total_minor) for document in documents] == [
        (DocumentKind.CREDIT_NOTE, -sale.refund),
        (DocumentKind.INVOICE, sale.total),
        (DocumentKind.RECEIPT, sale.total),
        (DocumentKind.SELF_BILLING, sale.payout),
        (DocumentKind.SELF_BILLING, -sale.taken_from_provider),
    ]
    for document in documents:
        assert all(tax.net_minor + tax.tax_minor == tax.gross_minor for tax in document.taxes)
        assert sum(tax.gross_minor for tax in document.taxes) == document.total_minor
    (invoiced,) = documents[1].taxes
    assert (invoiced.net_minor, invoiced.tax_minor) == (sale.total - sale.invoice_tax, sale.invoice_tax)
    commissions = [tax for each in documents[3:] for tax in each.taxes if tax.role is LineRole.COMMISSION]
    assert [(tax.net_minor, tax.tax_minor) for tax in commissions] == [
        (-sale.commission, -sale.commission_tax),
        (sale.commission_back, sale.tax_back),
    ]


@in_each_currency
async def test_the_rest_of_a_sale_is_paid_back_to_the_last_unit(till: Till, sale: Sale) -> None:
    foreign = ForeignTill.of(till, sale.currency)
    desk = await RefundDesk.of(foreign, total_minor=sale.total)
    await desk.release()
    for amount in (sale.refund, step_minor(sale.currency), None):
        await desk.refund(amount)

    assert await desk.paid_back() == (sale.total, 0)
    books = await desk.books()
    assert {name: amount for name, amount in books.items() if name != "stripe"} == {}
    assert await foreign.findings() == []


async def test_a_refund_that_no_card_carries_is_refused_and_reserves_nothing(till: Till) -> None:
    desk = await RefundDesk.of(ForeignTill.of(till, "kwd"), total_minor=8_530)

    asked = await desk.open(1_005)

    assert (asked.state, asked.plan.refusal_code) == (RefundState.REJECTED, "amount_not_representable")
    assert await desk.paid_back() == (0, 0)


async def test_a_lost_chargeback_takes_back_what_a_transfer_can_be_reversed_by(till: Till) -> None:
    foreign = ForeignTill.of(till, "kwd")
    desk = await RefundDesk.of(foreign, total_minor=10_490)
    await till.shop.run_order_workflow(desk.job.order_id)
    await desk.release()
    (charge,) = await till.at_stripe("charges", desk.job.order_id)
    dispute = (await till.admin.post("/_simulator/disputes", json={"charge": charge["id"], "amount": 4_190})).json()
    activities = StripeChargebackActivities(till.shop.worker, till.gateway, till.shop.client, till.shop.clock)
    asked = ReadChargeback(
        chargeback_id=chargeback_id_of(dispute["id"]), stripe_dispute_id=dispute["id"], order_id=desk.job.order_id
    )
    await activities.read_chargeback(asked)
    await till.admin.post(f"/_simulator/disputes/{dispute['id']}", json={"status": "lost"})
    await activities.read_chargeback(asked)

    booked = await foreign.postings(desk.job.order_id)
    assert legs(booked, "release_taken_back") == {"receivable": 3_560, "commission": 529, "tax": 101, "held": -4_190}
    assert legs(booked, "transfer_reversed") == {"stripe": 3_560, "receivable": -3_560}
    (transfer,) = await till.at_stripe("transfers", desk.job.order_id)
    assert transfer["amount_reversed"] == 3_560
    assert await foreign.findings() == []


async def test_what_a_provider_owes_is_kept_from_payouts_of_the_same_currency_only(till: Till) -> None:
    provider = await till.add_payee(capacity_jobs=100)
    tills = {sale.currency: ForeignTill.of(till, sale.currency) for sale in SALES}
    owed = {"usd": 1_000, "jpy": 5_000, "kwd": 1_237}
    for currency, amount in owed.items():
        await tills[currency].owed(provider, amount)

    kept = {}
    for sale in SALES:
        job = await tills[sale.currency].secured_job(provider, total_minor=sale.total)
        settled = await RefundDesk(tills[sale.currency], job, provider).release()
        kept[sale.currency] = settled.netted_minor

    # All yen she earned; of the dinars what leaves a payout that can travel.
    assert kept == {"usd": 1_000, "gbp": 0, "jpy": 3_298, "kwd": 1_230}
    assert await receivables(till, provider) == {"jpy": 1_702, "kwd": 7}
    assert await tills["usd"].findings() == []


@pytest.mark.parametrize("seed", range(3))
async def test_netting_never_crosses_currencies_whatever_is_owed_and_earned(till: Till, seed: int) -> None:
    chance = random.Random(seed)
    provider = await till.add_payee(capacity_jobs=100)
    tills = {currency: ForeignTill.of(till, currency) for currency in ("eur", "jpy", "kwd")}
    owed, netted, paid = dict.fromkeys(tills, 0), dict.fromkeys(tills, 0), dict.fromkeys(tills, 0)
    for _ in range(5):
        currency = chance.choice(list(tills))
        debt, total = chance.randrange(1, 4_000), chance.randrange(50, 500) * 10
        owed[currency] += debt
        await tills[currency].owed(provider, debt)
        currency = chance.choice(list(tills))
        job = await tills[currency].secured_job(provider, total_minor=total)
        before = await receivables(till, provider)
        settled = await RefundDesk(tills[currency], job, provider).release()
        after = await receivables(till, provider)
        assert {**before, currency: 0} == {**after, currency: 0}
        netted[currency] += settled.netted_minor
        paid[currency] += settled.payout_minor - settled.netted_minor
        assert settled.netted_minor <= settled.payout_minor
        assert (settled.payout_minor - settled.netted_minor) % step_minor(currency) == 0

    left = await receivables(till, provider)
    assert {currency: owed[currency] - netted[currency] - left.get(currency, 0) for currency in tills} == dict.fromkeys(
        tills, 0
    )
    assert await balances_at_stripe(till, provider) == {currency: amount for currency, amount in paid.items() if amount}
    assert await tills["eur"].findings() == []


def legs(booked: list[tuple[str, str, int, str]], kind: str) -> dict[str, int]:
    """What a kind of transaction moved, by account."""
    found: dict[str, int] = {}
    for of_kind, account, amount, _ in booked:
        if of_kind == kind:
            found[account] = found.get(account, 0) + amount
    return found


async def receivables(till: Till, provider: str) -> dict[str, int]:
    """What a provider owes us, by currency."""
    rows = await till.shop.sql(
        "SELECT currency, balance_minor FROM ledger_balances WHERE account = :account AND balance_minor <> 0",
        account=f"asset:receivable:{provider}",
    )
    return {row.currency: row.balance_minor for row in rows}


async def balances_at_stripe(till: Till, provider: str) -> dict[str, int]:
    """What Stripe keeps for a provider, available or not, by currency in its own units."""
    account = await till.shop.value("SELECT stripe_account_id FROM providers WHERE id = :id", id=provider)
    headers = {"Authorization": "Bearer sk_test_simulator", "Stripe-Account": account}
    answer: httpx.Response = await till.admin.get("/v1/balance", headers=headers)
    balance = answer.json()
    found: dict[str, int] = {}
    for part in (*balance["available"], *balance["pending"]):
        found[part["currency"]] = found.get(part["currency"], 0) + part["amount"]
    return {currency: amount for currency, amount in found.items() if amount}
