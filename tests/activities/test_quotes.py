"""Quotes are prepared from real files in real children, and stored once in a real PostgreSQL."""

import asyncio
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import Client
from temporalio.worker import Worker

from fulfil.activities.quotes import PRELOAD
from fulfil.gateways.storage import StorageUnavailableError, object_key
from fulfil.kit.isolation import Isolation, IsolationError, Limits
from fulfil.models.ids import derived_id
from fulfil.models.messages.prices import PricedItem, PriceLine
from fulfil.models.messages.quotes import PreparedQuote, QuoteStatus
from fulfil.quoting.analysis import ANALYSER_VERSION
from fulfil.quoting.findings.table import CURRENT_RULES_VERSION
from fulfil.quoting.prices.tariffs import CURRENT_TARIFF_VERSION
from tests.activities.quoting_desk import BRACKET, NOW, PLATE, QuotingDesk, run
from tests.quoting.making_solids import binary_stl, box


async def test_a_good_file_gets_a_firm_quote(desk: QuotingDesk) -> None:
    quoted = await desk.prepare(await desk.wish(quantity=2, material="petg"))
    (item,) = quoted.items
    assert quoted.answer == PreparedQuote(
        quote_id=quoted.quote.id,
        status=QuoteStatus.FIRM,
        total_minor=quoted.quote.total_minor,
        currency="eur",
        expires_at=NOW + timedelta(days=7),
    )
    assert (item.process, item.material, item.quantity, item.status) == ("fdm", "PETG", 2, "firm")
    priced = PricedItem.model_validate(item.priced, strict=False)
    once = [PriceLine.model_validate(line) for line in quoted.quote.lines]
    assert sum(line.amount_minor for line in priced.lines) == item.amount_minor == quoted.quote.items_minor
    assert item.amount_minor + sum(line.amount_minor for line in once) == quoted.quote.total_minor > 0
    assert item.material_g > 40
    assert item.estimate is not None
    assert item.estimate["mass_band_percent"] > 0
    versions = (item.analyser_version, quoted.quote.tariff_version, quoted.quote.rules_version)
    assert versions == (ANALYSER_VERSION, CURRENT_TARIFF_VERSION, CURRENT_RULES_VERSION)
    assert item.coefficients_version == item.estimate["coefficients_version"]
    assert quoted.quote.total_calculation_time_ms >= item.calculation_time_ms > 0


async def test_a_drawing_is_cut(desk: QuotingDesk) -> None:
    quoted = await desk.prepare(await desk.wish(PLATE, process="laser", material="wood", thickness_mm=3.0))
    (item,) = quoted.items
    assert (item.status, item.material) == ("firm", "WOOD-3")
    assert quoted.quote.total_minor > 0


async def test_one_bad_file_does_not_block_the_rest(desk: QuotingDesk) -> None:
    quoted = await desk.prepare(
        await desk.wish(), await desk.wish(BRACKET[:-70]), await desk.wish(PLATE), await desk.wish(material="Oak")
    )
    assert quoted.refusals == [None, "file_truncated", "process_not_for_file", "material_unknown"]
    assert quoted.answer.status is QuoteStatus.FIRM
    assert quoted.quote.items_minor == quoted.items[0].amount_minor > 0


async def test_a_quote_of_nothing_but_bad_files_is_refused(desk: QuotingDesk) -> None:
    quoted = await desk.prepare(await desk.wish(b"this is no part" * 20), await desk.wish(b""))
    assert (quoted.answer.status, quoted.answer.total_minor) == (QuoteStatus.REFUSED, 0)


async def test_a_risk_keeps_the_price_provisional_until_it_is_accepted(desk: QuotingDesk) -> None:
    open_box = binary_stl(box(30, 30, 30)[1:])
    provisional = await desk.prepare(await desk.wish(open_box))
    assert provisional.answer.status is QuoteStatus.PROVISIONAL
    assert provisional.quote.total_minor > 0
    risks = [finding["code"] for finding in provisional.items[0].findings if finding["severity"] == "risk"]
    assert "mesh_open" in risks

    accepted = await desk.prepare(await desk.wish(open_box, item={"accepted": risks}))
    assert accepted.answer.status is QuoteStatus.FIRM
    assert accepted.items[0].accepted == risks
    assert accepted.quote.total_minor == provisional.quote.total_minor


async def test_a_part_that_fits_no_machine_waits_for_a_person(desk: QuotingDesk) -> None:
    quoted = await desk.prepare(await desk.wish(binary_stl(box(900, 10, 10))))
    assert (quoted.answer.status, quoted.answer.total_minor) == (QuoteStatus.MANUAL, 0)
    assert any(finding["code"] == "exceeds_build_volume" for finding in quoted.items[0].findings)


async def test_the_unit_a_customer_confirms_is_the_unit_that_is_priced(desk: QuotingDesk) -> None:
    small = binary_stl(box(2, 2, 2))
    as_mm = await desk.prepare(await desk.wish(small, item={"options": {"unit": "mm"}}))
    as_inch = await desk.prepare(await desk.wish(small, item={"options": {"unit": "inch"}}))
    assert as_inch.items[0].material_g > 10 * as_mm.items[0].material_g
    assert len(await desk.analyses()) == 2


async def test_a_retry_finds_the_stored_quote_even_when_the_file_is_gone(desk: QuotingDesk) -> None:
    request = desk.request(await desk.wish())
    first = await run(desk.activities.prepare_quote, request)
    (desk.folder / object_key(request.items[0].file_sha256)).unlink()
    assert await run(desk.another_worker(Isolation()).prepare_quote, request) == first
    assert len(await desk.quotes()) == 1


async def test_attempts_at_the_same_moment_store_one_quote(desk: QuotingDesk) -> None:
    request = desk.request(await desk.wish())
    workers = [desk.activities, desk.another_worker()]
    answers = await asyncio.gather(*[run(worker.prepare_quote, request) for worker in workers for _ in range(3)])
    assert len(set(answers)) == 1
    assert len(await desk.quotes()) == 1


@pytest.mark.parametrize(
    ("content", "choices", "code", "param"),
    [
        (binary_stl(np.full((12, 3, 3), np.nan, np.float32)), {}, "mesh_not_finite", "file_id"),
        (BRACKET, {"process": "forging"}, "process_unknown", "process"),
        (BRACKET, {"quantity": 1_000_000}, "quantity_out_of_range", "quantity"),
        (BRACKET, {"thickness_mm": 3.0}, "thickness_unknown", "thickness_mm"),
        (BRACKET, {"infill_percent": 101}, "infill_out_of_range", "infill_percent"),
    ],
)
async def test_a_refusal_names_field_and_remedy(
    desk: QuotingDesk, content: bytes, choices: dict[str, Any], code: str, param: str
) -> None:
    (item,) = (await desk.prepare(await desk.wish(content, **choices))).items
    assert item.refusal is not None
    assert (item.status, item.refusal["code"], item.refusal["param"]) == ("refused", code, param)
    assert item.refusal["detail"].endswith(".")
    assert (item.amount_minor, item.priced) == (0, None)


async def test_an_order_larger_than_one_may_be_is_refused_as_a_whole(desk: QuotingDesk) -> None:
    quoted = await desk.prepare(await desk.wish(quantity=400), await desk.wish(quantity=400))
    assert quoted.refusals == ["order_too_large", "order_too_large"]
    assert quoted.answer.status is QuoteStatus.REFUSED


async def test_a_file_that_takes_too_long_is_refused_and_not_held_against_it_for_ever(desk: QuotingDesk) -> None:
    async with Isolation(preload=PRELOAD, limits=Limits(wall_s=0.0001)) as impatient:
        request = desk.request(await desk.wish())
        quoted = await desk.quoted(await run(desk.another_worker(impatient).prepare_quote, request))
    assert quoted.refusals == ["file_takes_too_long"]
    assert await desk.analyses() == []
    assert (await desk.prepare(await desk.wish())).answer.status is QuoteStatus.FIRM


async def test_a_file_that_is_no_longer_stored_is_asked_for_again(desk: QuotingDesk) -> None:
    wish = await desk.wish()
    (desk.folder / object_key(wish["file_sha256"])).unlink()
    assert (await desk.prepare(wish)).refusals == ["file_missing"]


async def test_damaged_storage_raises_until_it_is_mended(desk: QuotingDesk) -> None:
    wish = await desk.wish()
    (desk.folder / object_key(wish["file_sha256"])).write_bytes(BRACKET[:100])
    with pytest.raises(StorageUnavailableError):
        await desk.prepare(wish)
    assert await desk.quotes() == []
    await desk.storage.put(BRACKET)
    assert (await desk.prepare(wish)).answer.status is QuoteStatus.FIRM


async def test_an_isolation_that_cannot_start_raises_and_blames_no_file(desk: QuotingDesk) -> None:
    request = desk.request(await desk.wish())
    broken = desk.another_worker(Isolation(preload=["no.such.module"]))
    with pytest.raises(IsolationError, match="unavailable"):
        await run(broken.prepare_quote, request)


async def test_a_database_that_refuses_raises_and_stores_nothing(desk: QuotingDesk) -> None:
    wish = await desk.wish()
    with pytest.raises(SQLAlchemyError):
        await desk.prepare({**wish, "file_id": derived_id("fil", "never uploaded")})
    assert await desk.quotes() == []


async def test_a_worker_prepares_quotes_as_standalone_activities(desk: QuotingDesk, temporal_client: Client) -> None:
    requests = [desk.request(await desk.wish(quantity=quantity)) for quantity in (1, 2, 3)]
    prepare = desk.activities.prepare_quote
    async with Worker(temporal_client, task_queue="geometry-test", activities=[prepare]):
        prepared = await asyncio.gather(
            *[
                temporal_client.execute_activity(
                    prepare,
                    request,
                    id=f"quote/{request.quote_id}",
                    task_queue="geometry-test",
                    schedule_to_close_timeout=timedelta(seconds=30),
                )
                for request in requests
            ]
        )
    assert [quote.status for quote in prepared] == [QuoteStatus.FIRM] * 3
    totals = [quote.total_minor for quote in prepared]
    assert totals == sorted(totals)
    assert len(await desk.quotes()) == 3
