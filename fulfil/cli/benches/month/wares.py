"""What is bought: quotes written as the geometry worker writes them, without measuring the same cube again."""

from datetime import datetime, timedelta
from random import Random

from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.models.ids import new_id
from fulfil.models.messages.estimates import Estimate
from fulfil.models.messages.prices import PricedItem, PriceLine
from fulfil.models.messages.quotes import QuoteStatus, ReadingOptions
from fulfil.models.tables.quotes import FileRow, QuoteItemRow, QuoteRow

CURRENCY = "eur"
VALID_FOR = timedelta(days=7)
LEAD_TIMES_DAYS = (3, 4, 5, 7, 10)
RARE = "TPU"
"""What hardly anybody can make: support has to find somebody now and then."""
MATERIALS = ("PLA", "PLA", "PLA", "PLA", "PLA", "PLA", "PETG", "PETG", "PETG", "ABS", "ABS", RARE)
VERSION = "month-1"
PRICE_MINOR = (900, 24_000)
GRAMS = (20, 400)


async def write_quote(
    session: AsyncSession, dice: Random, customer_id: str, at: datetime, materials: tuple[str, ...]
) -> str:
    """The id of a firm quote for one part of each material."""
    quote_id = new_id("quo")
    prices = [dice.randint(*PRICE_MINOR) for _ in materials]
    session.add(_quote(quote_id, customer_id, sum(prices), dice.choice(LEAD_TIMES_DAYS), at))
    await session.flush()
    for position, (material, price) in enumerate(zip(materials, prices, strict=True)):
        file_id = new_id("fil")
        session.add(
            FileRow(
                id=file_id,
                owner_id=customer_id,
                sha256="0" * 64,
                name=f"part-{position + 1}.stl",
                format="stl",
                size_bytes=684,
                created_at=at,
            )
        )
        await session.flush()
        session.add(_item(quote_id, position, file_id, _priced(material, price, dice)))
    return quote_id


def _quote(quote_id: str, customer_id: str, total_minor: int, lead_time_days: int, at: datetime) -> QuoteRow:
    return QuoteRow(
        id=quote_id,
        customer_id=customer_id,
        status=QuoteStatus.FIRM,
        currency=CURRENCY,
        tier="standard",
        lead_time="standard",
        lead_time_days=lead_time_days,
        lead_time_options=[],
        lines=[],
        items_minor=total_minor,
        total_minor=total_minor,
        tariff_version=VERSION,
        rules_version=VERSION,
        total_calculation_time_ms=1,
        created_at=at,
        expires_at=at + VALID_FOR,
    )


def _priced(material: str, price_minor: int, dice: Random) -> PricedItem:
    return PricedItem(
        process="fdm",
        material=material,
        quantity=dice.randint(1, 4),
        currency=CURRENCY,
        lines=(PriceLine(code="setup", title="Set-up", explanation="Once.", amount_minor=price_minor),),
        total_minor=price_minor,
        quantity_breaks=(),
        machines=(),
        material_g=dice.randint(*GRAMS),
        machine_hours="2.0",
        production_days=1,
    )


def _item(quote_id: str, position: int, file_id: str, priced: PricedItem) -> QuoteItemRow:
    estimate = Estimate(
        process=priced.process,
        material=priced.material,
        method="fdm_layers",
        coefficients_version=VERSION,
        mass_g=priced.material_g,
        time_s=7_200,
        mass_band_percent=6,
        time_band_percent=18,
        parts=(),
    )
    return QuoteItemRow(
        quote_id=quote_id,
        position=position,
        file_id=file_id,
        file_sha256="0" * 64,
        analysis_id=None,
        status=QuoteStatus.FIRM,
        process=priced.process,
        material=priced.material,
        quantity=priced.quantity,
        material_g=priced.material_g,
        wish={"process": priced.process, "material": priced.material.lower(), "quantity": priced.quantity},
        options=ReadingOptions().model_dump(mode="json"),
        accepted=[],
        findings=[],
        estimate=estimate.model_dump(mode="json"),
        priced=priced.model_dump(mode="json"),
        refusal=None,
        amount_minor=priced.total_minor,
        analyser_version=VERSION,
        coefficients_version=VERSION,
        calculation_time_ms=1,
    )
