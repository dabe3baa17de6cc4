"""Estimates and terms that tests of prices share."""

from fulfil.models.messages.estimates import Estimate, EstimatePart
from fulfil.models.messages.prices import ItemWish, PricedItem
from fulfil.quoting.prices.pricing import price_item
from fulfil.quoting.prices.tariffs import Tariff, load_tariff
from fulfil.quoting.prices.terms import Terms, agree

TARIFF = load_tariff()
SOLID_MM = (80.0, 50.0, 20.0)
SHEET_MM = (80.0, 50.0)


def terms(
    process: str = "fdm",
    material: str = "PLA",
    quantity: int = 1,
    *,
    currency: str = "eur",
    tier: str | None = None,
    tariff: Tariff = TARIFF,
) -> Terms:
    return agree(ItemWish(process=process, material=material, quantity=quantity), currency, tariff, tier)


def estimate(agreed: Terms, mass_g: float = 12.35, time_s: float = 3923, support_g: float = 0) -> Estimate:
    support = EstimatePart(code="support", title="Support", mass_g=support_g)
    return Estimate(
        process=agreed.process_name,
        material=agreed.label,
        method="fdm_layers",
        coefficients_version="test",
        mass_g=mass_g,
        time_s=time_s,
        mass_band_percent=6,
        time_band_percent=15,
        parts=(support,) if support_g else (),
    )


def price(agreed: Terms, mass_g: float = 12.35, time_s: float = 3923, support_g: float = 0) -> PricedItem:
    size = SOLID_MM if agreed.process_name != "laser" else SHEET_MM
    return price_item(agreed, estimate(agreed, mass_g, time_s, support_g), size)
