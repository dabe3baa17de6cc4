"""Stored quotes are proved by their own price list, compared with today's, and replayed under one that may come."""

import json
from importlib import resources

import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError

from fulfil.models.ids import new_id
from fulfil.models.messages.quotes import Pricing, ReplayQuotes, RepriceQuote
from fulfil.quoting.prices.tariffs import CURRENT_TARIFF_VERSION
from tests.activities.quoting_desk import PLATE, QuotingDesk, run
from tests.quoting.making_solids import binary_stl, box


def dearer() -> str:
    """Today's price list with machine hours at twice the price."""
    file = resources.files("fulfil.quoting.prices") / "data" / f"tariff-{CURRENT_TARIFF_VERSION}.json"
    document = json.loads(file.read_text())
    document["version"] = "what-if"
    for process in document["processes"].values():
        process["machine_hour_minor"] = {name: 2 * rate for name, rate in process["machine_hour_minor"].items()}
    return json.dumps(document)


async def test_a_quote_proves_itself_to_the_letter_from_its_file(desk: QuotingDesk) -> None:
    quoted = await desk.prepare(
        await desk.wish(quantity=3), await desk.wish(PLATE, process="laser", material="acrylic"), lead_time="express"
    )
    request = RepriceQuote(quote_id=quoted.quote.id, pricing=Pricing.ORIGINAL, afresh=True)
    proof = await run(desk.another_worker().reprice_quote, request)
    assert (proof.same, proof.differences, proof.difference_minor) == (True, (), 0)
    assert proof.after_minor == quoted.quote.total_minor


async def test_what_waits_for_a_person_counts_neither_in_the_quote_nor_in_its_proof(desk: QuotingDesk) -> None:
    too_long = binary_stl(box(900, 10, 10))
    quoted = await desk.prepare(await desk.wish(too_long), await desk.wish())
    assert [item.status for item in quoted.items] == ["manual", "firm"]
    assert [item.amount_minor for item in quoted.items] == [0, quoted.quote.items_minor]
    request = RepriceQuote(quote_id=quoted.quote.id, pricing=Pricing.ORIGINAL, afresh=True)
    proof = await run(desk.another_worker().reprice_quote, request)
    assert (proof.same, proof.differences, proof.difference_minor) == (True, (), 0)


async def test_a_price_that_was_tampered_with_does_not_prove_itself(desk: QuotingDesk) -> None:
    quoted = await desk.prepare(await desk.wish())
    async with desk.owner.begin() as session:
        await session.execute(text("ALTER TABLE quote_items DISABLE TRIGGER append_only"))
        await session.execute(text("UPDATE quote_items SET priced = jsonb_set(priced, '{lines,0,amount_minor}', '1')"))
        await session.execute(text("ALTER TABLE quote_items ENABLE TRIGGER append_only"))
    request = RepriceQuote(quote_id=quoted.quote.id, pricing=Pricing.ORIGINAL)
    proof = await run(desk.activities.reprice_quote, request)
    assert proof.same is False
    assert proof.differences == ("Item 1: Set-up differ.",)


async def test_another_price_list_shows_the_difference_and_changes_nothing(desk: QuotingDesk) -> None:
    quoted = await desk.prepare(await desk.wish())
    request = RepriceQuote(quote_id=quoted.quote.id, pricing=Pricing.GIVEN, tariff=dearer())
    repriced = await run(desk.activities.reprice_quote, request)
    assert repriced.tariff_version == "what-if"
    assert repriced.difference_minor == repriced.after_minor - quoted.quote.total_minor > 0
    assert [item.position for item in repriced.items] == [0]
    assert len(await desk.quotes()) == 1


async def test_history_is_replayed_per_currency(desk: QuotingDesk) -> None:
    cheap = await desk.prepare(await desk.wish())
    dear = await desk.prepare(await desk.wish(quantity=9))
    await desk.prepare(await desk.wish(), currency="usd")
    await desk.prepare(await desk.wish(b""))
    replayed = await run(desk.activities.replay_quotes, ReplayQuotes(tariff=dearer()))
    assert (replayed.quotes, replayed.unpriceable, replayed.tariff_version) == (3, 0, "what-if")
    assert replayed.before_minor["eur"] == cheap.quote.total_minor + dear.quote.total_minor
    assert replayed.after_minor["eur"] > replayed.before_minor["eur"]
    assert set(replayed.after_minor) == {"eur", "usd"}
    assert replayed.changed_most[0].quote_id == dear.quote.id


async def test_a_document_that_is_no_price_list_is_refused(desk: QuotingDesk) -> None:
    with pytest.raises(ApplicationError) as refused:
        await run(desk.activities.replay_quotes, ReplayQuotes(tariff="{}"))
    assert (refused.value.type, refused.value.non_retryable) == ("tariff_invalid", True)


async def test_a_quote_that_is_not_there_can_not_be_priced_again(desk: QuotingDesk) -> None:
    with pytest.raises(ApplicationError) as refused:
        await run(desk.activities.reprice_quote, RepriceQuote(quote_id=new_id("quo"), pricing=Pricing.TODAY))
    assert refused.value.type == "quote_not_found"
