"""Geometry to price: lines that explain themselves, in integer minor units that sum exactly."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

from fulfil.models.messages.base import Message
from fulfil.models.messages.quotes import Geometry, QuoteLine
from fulfil.models.money import AmountMinor, Currency, format_money
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode
from fulfil.quoting.tariffs import CURRENT_TARIFF, MaterialTariff, ProcessTariff, Tariff

HUNDREDTH = Decimal("0.01")
MM3_PER_CM3 = 1_000
GRAMS_PER_KG = 1_000
TIMES = "\N{MULTIPLICATION SIGN}"


class PricedPart(Message):
    """A price: `lines` sum to `total_minor`; `material_g` (rounded up) is for all pieces together."""

    process: str
    material: str
    quantity: int
    currency: Currency
    lines: tuple[QuoteLine, ...]
    total_minor: AmountMinor
    material_g: int
    lead_time_days: int
    tariff_version: str


@dataclass(frozen=True)
class PartRequest:
    """What the customer chose: names of the tariff, its process and material in any letter case."""

    process: str
    material: str
    quantity: int
    currency: str


@dataclass(frozen=True)
class Terms:
    """A request that the tariff can serve, with the rates that apply to it."""

    process_name: str
    material_name: str
    quantity: int
    currency: str
    process: ProcessTariff
    material: MaterialTariff
    tariff: Tariff


def agree_terms(request: PartRequest, tariff: Tariff = CURRENT_TARIFF) -> Terms:
    """Look the request up in the tariff, before any file is opened.

    Raises `QuotingRefusalError` naming the field and what it may be.
    """
    process_name = request.process.strip().lower()
    process = tariff.processes.get(process_name)
    if process is None:
        raise _unknown(RefusalCode.PROCESS_UNKNOWN, "process", request.process, list(tariff.processes))
    material_name = request.material.strip().upper()
    material = process.materials.get(material_name)
    if material is None:
        raise _unknown(RefusalCode.MATERIAL_UNKNOWN, "material", request.material, list(process.materials))
    if request.currency not in tariff.currencies:
        raise _unknown(RefusalCode.CURRENCY_UNKNOWN, "currency", request.currency, list(tariff.currencies))
    if not 1 <= request.quantity <= tariff.largest_quantity:
        raise QuotingRefusalError(
            RefusalCode.QUANTITY_OUT_OF_RANGE,
            f"The quantity is {request.quantity}; it must be a whole number from 1 to {tariff.largest_quantity}.",
            "quantity",
        )
    return Terms(process_name, material_name, request.quantity, request.currency, process, material, tariff)


def price_part(geometry: Geometry, terms: Terms) -> PricedPart:
    """Price a measured part.

    Every amount follows from the numbers its explanation shows, so a customer can check it by hand.
    Raises `QuotingRefusalError` when the part doesn't fit the machine or the order is beyond what is taken.
    """
    _check_fit(geometry, terms)
    volume_cm3 = max(_hundredths(Decimal(str(geometry.volume_mm3)) / MM3_PER_CM3), HUNDREDTH)
    total_cm3 = volume_cm3 * terms.quantity
    grams = int((total_cm3 * terms.material.density_g_cm3).to_integral_value(ROUND_CEILING))
    hours = max(_hundredths(total_cm3 / terms.material.throughput_cm3_h), HUNDREDTH)
    lines = [
        _setup_line(terms),
        _material_line(terms, volume_cm3, grams),
        _machine_line(terms, volume_cm3, hours),
    ]
    lines += _minimum_lines(terms, sum(line.amount_minor for line in lines))
    total_minor = sum(line.amount_minor for line in lines)
    days = terms.process.handling_days + int(
        (hours / terms.process.machine_hours_per_day).to_integral_value(ROUND_CEILING)
    )
    _check_order(terms, total_minor, days)
    return PricedPart(
        process=terms.process_name,
        material=terms.material_name,
        quantity=terms.quantity,
        currency=terms.currency,
        lines=tuple(lines),
        total_minor=total_minor,
        material_g=grams,
        lead_time_days=days,
        tariff_version=terms.tariff.version,
    )


def _setup_line(terms: Terms) -> QuoteLine:
    amount = terms.process.setup_minor[terms.currency]
    return QuoteLine(
        code="setup",
        title="Set-up",
        explanation=f"Preparing file and machine, once per order: {format_money(amount, terms.currency)}",
        amount_minor=amount,
    )


def _material_line(terms: Terms, volume_cm3: Decimal, grams: int) -> QuoteLine:
    rate = terms.material.price_per_kg_minor[terms.currency]
    return QuoteLine(
        code="material",
        title=f"Material {terms.material_name}",
        explanation=(
            f"{volume_cm3} cm³ {TIMES} {terms.material.density_g_cm3} g/cm³ {TIMES} {_pieces(terms.quantity)} "
            f"= {grams} g (rounded up) at {format_money(rate, terms.currency)}/kg"
        ),
        amount_minor=_whole_minor(Decimal(grams) * rate / GRAMS_PER_KG),
    )


def _machine_line(terms: Terms, volume_cm3: Decimal, hours: Decimal) -> QuoteLine:
    rate = terms.process.machine_hour_minor[terms.currency]
    return QuoteLine(
        code="machine_time",
        title="Machine time",
        explanation=(
            f"{volume_cm3} cm³ {TIMES} {_pieces(terms.quantity)} ÷ {terms.material.throughput_cm3_h} cm³/h "
            f"= {hours} h at {format_money(rate, terms.currency)}/h"
        ),
        amount_minor=_whole_minor(hours * rate),
    )


def _minimum_lines(terms: Terms, subtotal_minor: int) -> list[QuoteLine]:
    minimum = terms.process.minimum_order_minor[terms.currency]
    if subtotal_minor >= minimum:
        return []
    return [
        QuoteLine(
            code="minimum_order",
            title="Small order",
            explanation=(
                f"The smallest order is {format_money(minimum, terms.currency)}; "
                f"the lines above come to {format_money(subtotal_minor, terms.currency)}"
            ),
            amount_minor=minimum - subtotal_minor,
        )
    ]


def _check_fit(geometry: Geometry, terms: Terms) -> None:
    if not geometry.watertight or geometry.volume_mm3 <= 0:
        raise ValueError("only a closed solid can be priced")
    part = sorted(geometry.size_mm, reverse=True)
    if all(side <= room for side, room in zip(part, terms.process.room_mm, strict=True)):
        return
    sides = f" {TIMES} ".join(f"{side:.1f}" for side in part)
    room = f" {TIMES} ".join(str(side) for side in terms.process.room_mm)
    raise QuotingRefusalError(
        RefusalCode.PART_TOO_BIG,
        f"The part measures {sides} mm and {terms.process_name} makes at most {room} mm. Check that the file is in "
        "millimetres, scale the part down, or split it.",
        "file_id",
    )


def _check_order(terms: Terms, total_minor: int, days: int) -> None:
    if total_minor > terms.tariff.largest_order_minor:
        largest = format_money(terms.tariff.largest_order_minor, terms.currency)
        reason = f"{format_money(total_minor, terms.currency)} is above the {largest} one order may cost"
    elif days > terms.process.longest_lead_days:
        reason = f"Making it would take {days} days, and {terms.process.longest_lead_days} is the longest lead time"
    else:
        return
    raise QuotingRefusalError(
        RefusalCode.ORDER_TOO_LARGE, f"{reason}. Order fewer than {terms.quantity} at a time.", "quantity"
    )


def _unknown(code: RefusalCode, param: str, given: str, known: list[str]) -> QuotingRefusalError:
    return QuotingRefusalError(code, f"The {param} {given[:40]!r} is not offered; choose {_either(known)}.", param)


def _either(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _pieces(quantity: int) -> str:
    return "1 piece" if quantity == 1 else f"{quantity} pieces"


def _hundredths(value: Decimal) -> Decimal:
    return value.quantize(HUNDREDTH, ROUND_HALF_UP)


def _whole_minor(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_HALF_UP))
