"""Whatever an order is sold in, every answer names amounts in its currency and in its own minor units."""

import re

import httpx
import pytest
from sqlalchemy import update

from fulfil.kit.clock import utc_now
from fulfil.models.ids import new_id
from fulfil.models.messages.payments import PaymentState
from fulfil.models.tables.payments import PaymentRow
from tests.api.quoted import item_row, quote_row
from tests.api.running import Api
from tests.api.world import Person, Sale, World

PRICES = [("usd", 2_616, 2_224), ("gbp", 2_080, 1_768), ("jpy", 3_880, 3_298), ("kwd", 10_490, 8_920)]
in_each_currency = pytest.mark.parametrize(("currency", "total", "payout"), PRICES, ids=[price[0] for price in PRICES])


async def sold(world: World, customer: Person, provider: Person, currency: str, total: int) -> Sale:
    """An order in a currency, offered to a provider at 15 % commission."""
    quote = quote_row(new_id("quo"), customer.owner_id, total_minor=total)
    quote.currency, quote.lead_time_options = currency, []
    file_id = await world.file(customer)
    await world.add(quote, item_row(quote.id, file_id, amount_minor=total))
    return await world.sale(customer, provider, quote_id=quote.id)


def currencies_in(answer: httpx.Response) -> set[str]:
    """Every currency that an answer names."""
    return set(re.findall(r'"currency":\s*"(\w+)"', answer.text))


@in_each_currency
async def test_quote_order_and_job_are_told_in_the_currency_of_the_order(
    api: Api, world: World, customer: Person, provider: Person, currency: str, total: int, payout: int
) -> None:
    sale = await sold(world, customer, provider, currency, total)

    quote = await api.get(f"/quotes/{sale.quote_id}", customer)
    order = await api.get(f"/orders/{sale.order_id}", customer)
    job = await api.get(f"/jobs/{sale.job_id}", customer)
    offers = await api.get("/offers", provider)

    price = {"amount_minor": total, "currency": currency}
    assert quote.json()["total"] == order.json()["total"] == job.json()["amount"] == price
    (offer,) = offers.json()["data"]
    assert offer["payout"] == {"amount_minor": payout, "currency": currency}
    for answer in (order, job, offers):
        assert currencies_in(answer) == {currency}


@in_each_currency
async def test_a_refund_is_previewed_in_the_currency_of_the_order(
    api: Api,
    world: World,
    customer: Person,
    provider: Person,
    supporter: Person,
    currency: str,
    total: int,
    payout: int,
) -> None:
    sale = await sold(world, customer, provider, currency, total)
    captured = update(PaymentRow).where(PaymentRow.order_id == sale.order_id)
    async with world.begin() as session:
        await session.execute(captured.values(state=PaymentState.CAPTURED, captured_at=utc_now()))
    part = {"amount_minor": (total - payout) // 10 * 10, "currency": currency}

    answer = await api.post(f"/orders/{sale.order_id}/refunds/preview", supporter, json={"amount": part})

    preview = answer.json()
    assert (preview["possible"], preview["amount"]) == (True, part)
    assert preview["refundable"] == {"amount_minor": total, "currency": currency}
    assert currencies_in(answer) == {currency}


async def test_a_refund_that_no_card_carries_is_not_possible_and_the_preview_says_why(
    api: Api, world: World, customer: Person, provider: Person, supporter: Person
) -> None:
    sale = await sold(world, customer, provider, "kwd", 10_490)
    captured = update(PaymentRow).where(PaymentRow.order_id == sale.order_id)
    async with world.begin() as session:
        await session.execute(captured.values(state=PaymentState.CAPTURED, captured_at=utc_now()))
    body = {"amount": {"amount_minor": 1_005, "currency": "kwd"}}

    preview = (await api.post(f"/orders/{sale.order_id}/refunds/preview", supporter, json=body)).json()

    assert (preview["possible"], preview["refusal"]) == (False, "amount_not_representable")
    assert "0.010 KWD" in preview["refusal_detail"]


async def test_a_quote_in_a_currency_nobody_knows_is_refused_by_name(api: Api, world: World, customer: Person) -> None:
    body = {"items": [{"file_id": await world.file(customer), "material": "PLA"}], "currency": "xyz"}
    answer = await api.post("/quotes", customer, json=body)
    problem = answer.json()
    assert (answer.status_code, problem["param"]) == (422, "currency")
    assert "xyz" in problem["detail"]


async def test_the_catalogue_offers_the_currencies_of_todays_price_list(api: Api) -> None:
    catalogue = (await api.get("/catalogue")).json()
    assert set(catalogue["currencies"]) == {"eur", "usd", "gbp", "jpy", "kwd"}
