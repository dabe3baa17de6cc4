"""What was wished for, looked up in a price list: the rates and settings that apply, before any file is opened."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from fulfil.models.messages.prices import ItemWish
from fulfil.quoting.estimates.laser import LaserSettings
from fulfil.quoting.prices.tariffs import (
    PrintMaterial,
    PrintProcess,
    RateByCurrency,
    SheetMaterial,
    SheetProcess,
    SheetThickness,
    Tariff,
)
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode

SHOWN_CHARACTERS = 40


@dataclass(frozen=True)
class Rates:
    """Minor units of the terms' currency after the tier's factors, as every explanation shows them."""

    setup_minor: int
    material_minor: int  # per kg, for sheets per m²
    machine_hour_minor: int
    labour_hour_minor: int


@dataclass(frozen=True)
class PrintTerms:
    """A part built in layers; `infill_percent` is None where the process knows no infill."""

    tariff: Tariff
    tier: str
    currency: str
    quantity: int
    rates: Rates
    process_name: str
    process: PrintProcess
    material_name: str
    material: PrintMaterial
    infill_percent: int | None

    @property
    def label(self) -> str:
        """The material as orders name it: `PLA`."""
        return self.material_name


@dataclass(frozen=True)
class SheetTerms:
    """A part cut out of a sheet of `thickness_mm`."""

    tariff: Tariff
    tier: str
    currency: str
    quantity: int
    rates: Rates
    process_name: str
    process: SheetProcess
    material_name: str
    material: SheetMaterial
    thickness_name: str
    thickness: SheetThickness

    @property
    def label(self) -> str:
        """The material as orders name it: `WOOD-3`, `ACRYLIC-1.5`."""
        return f"{self.material_name}-{self.thickness_name}"

    @property
    def thickness_mm(self) -> float:
        """How thick the sheet is."""
        return float(self.thickness_name)


Terms = PrintTerms | SheetTerms


def agree(wish: ItemWish, currency: str, tariff: Tariff, tier: str | None = None) -> Terms:
    """Look a wish up in the price list; `tier` None is the list's default.

    Raises `QuotingRefusalError` naming the field and what it may be.
    """
    process_name = wish.process.strip().lower()
    process = tariff.processes.get(process_name)
    if process is None:
        raise _unknown(RefusalCode.PROCESS_UNKNOWN, "process", wish.process, tariff.processes)
    tier_name = tariff.default_tier if tier is None else tier.strip().lower()
    if tier_name not in tariff.tiers:
        raise _unknown(RefusalCode.TIER_UNKNOWN, "tier", tier_name, tariff.tiers)
    currency_name = currency.strip().lower()
    if currency_name not in tariff.currencies:
        raise _unknown(RefusalCode.CURRENCY_UNKNOWN, "currency", currency, tariff.currencies)
    if not 1 <= wish.quantity <= tariff.largest_quantity:
        raise QuotingRefusalError(
            RefusalCode.QUANTITY_OUT_OF_RANGE,
            f"The quantity is {wish.quantity}; it must be a whole number from 1 to {tariff.largest_quantity}.",
            "quantity",
        )
    if isinstance(process, PrintProcess):
        return _agree_print(wish, currency_name, tariff, tier_name, (process_name, process))
    return _agree_sheet(wish, currency_name, tariff, tier_name, (process_name, process))


def laser_settings(terms: SheetTerms) -> LaserSettings:
    """What the time estimate needs to know of the terms."""
    return LaserSettings(
        process=terms.process_name,
        material=terms.label,
        thickness_mm=terms.thickness_mm,
        density_g_cm3=terms.material.density_g_cm3,
        margin_mm=terms.process.margin_mm,
        cut_speed_mm_s=terms.thickness.cut_speed_mm_s,
        passes=terms.thickness.passes,
        pierce_s=terms.thickness.pierce_s,
        score_speed_mm_s=terms.material.score_speed_mm_s,
        engrave_speed_mm_s=terms.material.engrave_speed_mm_s,
        engrave_interval_mm=terms.material.engrave_interval_mm,
    )


def _agree_print(
    wish: ItemWish, currency: str, tariff: Tariff, tier: str, process: tuple[str, PrintProcess]
) -> PrintTerms:
    name = wish.material.strip().upper()
    material = process[1].materials.get(name)
    if material is None:
        raise _unknown(RefusalCode.MATERIAL_UNKNOWN, "material", wish.material, process[1].materials)
    if wish.thickness_mm is not None:
        raise QuotingRefusalError(
            RefusalCode.THICKNESS_UNKNOWN,
            f"A thickness is chosen for sheets only, and {process[0]} builds in layers; leave thickness_mm out.",
            "thickness_mm",
        )
    return PrintTerms(
        tariff=tariff,
        tier=tier,
        currency=currency,
        quantity=wish.quantity,
        rates=_rates(tariff, tier, currency, process[1], material.price_per_kg_minor),
        process_name=process[0],
        process=process[1],
        material_name=name,
        material=material,
        infill_percent=_infill(wish, *process),
    )


def _infill(wish: ItemWish, name: str, process: PrintProcess) -> int | None:
    chosen, allowed = wish.infill_percent, process.infill
    if allowed is None:
        if chosen is None:
            return None
        raise QuotingRefusalError(
            RefusalCode.INFILL_OUT_OF_RANGE, f"{name} builds solid parts; leave infill_percent out.", "infill_percent"
        )
    if chosen is None:
        return allowed.default_percent
    if not allowed.least_percent <= chosen <= allowed.most_percent:
        raise QuotingRefusalError(
            RefusalCode.INFILL_OUT_OF_RANGE,
            f"The infill is {chosen} %; it must be from {allowed.least_percent} to {allowed.most_percent} %.",
            "infill_percent",
        )
    return chosen


def _agree_sheet(
    wish: ItemWish, currency: str, tariff: Tariff, tier: str, process: tuple[str, SheetProcess]
) -> SheetTerms:
    name, _, suffix = wish.material.strip().upper().partition("-")
    material = process[1].materials.get(name)
    if material is None:
        raise _unknown(RefusalCode.MATERIAL_UNKNOWN, "material", wish.material, process[1].materials)
    if wish.infill_percent is not None:
        raise QuotingRefusalError(
            RefusalCode.INFILL_OUT_OF_RANGE,
            f"{process[0]} cuts sheets, which have no infill; leave infill_percent out.",
            "infill_percent",
        )
    thickness_name = _thickness(wish, name, material, suffix)
    thickness = material.thicknesses[thickness_name]
    return SheetTerms(
        tariff=tariff,
        tier=tier,
        currency=currency,
        quantity=wish.quantity,
        rates=_rates(tariff, tier, currency, process[1], thickness.price_per_m2_minor),
        process_name=process[0],
        process=process[1],
        material_name=name,
        material=material,
        thickness_name=thickness_name,
        thickness=thickness,
    )


def _thickness(wish: ItemWish, name: str, material: SheetMaterial, suffix: str) -> str:
    """The thickness as the price list writes it, from `WOOD-3`, from `thickness_mm`, or the default."""
    by_value = {Decimal(known): known for known in material.thicknesses}
    from_name = by_value.get(_decimal(suffix)) if suffix else None
    if suffix and from_name is None:
        raise _no_thickness(name, suffix, material, "material")
    if wish.thickness_mm is None:
        return from_name or material.default_thickness
    chosen = by_value.get(_decimal(repr(wish.thickness_mm)))
    if chosen is None:
        raise _no_thickness(name, f"{wish.thickness_mm:g}", material, "thickness_mm")
    if from_name not in {None, chosen}:
        raise QuotingRefusalError(
            RefusalCode.THICKNESS_UNKNOWN,
            f"The material says {from_name} mm and thickness_mm says {chosen}; give one of them, or both alike.",
            "thickness_mm",
        )
    return chosen


def _no_thickness(name: str, given: str, material: SheetMaterial, param: str) -> QuotingRefusalError:
    known = [f"{thickness} mm" for thickness in material.thicknesses]
    detail = f"{name} is not kept {given[:SHOWN_CHARACTERS]} mm thick; choose {_either(known)}."
    return QuotingRefusalError(RefusalCode.THICKNESS_UNKNOWN, detail, param)


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return Decimal(-1)
    return value if value.is_finite() else Decimal(-1)


def _rates(
    tariff: Tariff,
    tier: str,
    currency: str,
    process: PrintProcess | SheetProcess,
    material_minor: RateByCurrency,
) -> Rates:
    factors = tariff.tiers[tier]
    return Rates(
        setup_minor=_scaled(process.setup_minor[currency], factors.labour_factor),
        material_minor=_scaled(material_minor[currency], factors.material_factor),
        machine_hour_minor=_scaled(process.machine_hour_minor[currency], factors.machine_factor),
        labour_hour_minor=_scaled(process.labour_hour_minor[currency], factors.labour_factor),
    )


def _scaled(rate_minor: int, factor: Decimal) -> int:
    return max(int((rate_minor * factor).to_integral_value(ROUND_HALF_UP)), 1)


def _unknown(code: RefusalCode, param: str, given: str, known: Iterable[str]) -> QuotingRefusalError:
    detail = f"The {param} {given[:SHOWN_CHARACTERS]!r} is not offered; choose {_either(list(known))}."
    return QuotingRefusalError(code, detail, param)


def _either(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
