"""Estimate to price: items with their quantity discounts, and the quote with what is charged once."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, Decimal

from fulfil.models.messages.estimates import Estimate
from fulfil.models.messages.prices import (
    LeadTime,
    LeadTimeOption,
    PricedItem,
    PricedQuote,
    PriceLine,
    QuantityBreak,
)
from fulfil.models.money import format_money
from fulfil.quoting.prices.charges import (
    SECONDS_PER_HOUR,
    Charge,
    Piece,
    item_charges,
    machine_seconds,
    pieces,
    weigh_piece,
    whole_minor,
)
from fulfil.quoting.prices.machines import suitable_machines
from fulfil.quoting.prices.tariffs import LeadTimeRule, QuantityDiscount, Tariff
from fulfil.quoting.prices.terms import PrintTerms, SheetTerms, Terms
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode

HUNDRED = Decimal(100)
HOURS_STEP = Decimal("0.0001")


def price_item(terms: Terms, estimate: Estimate, size_mm: Sequence[float]) -> PricedItem:
    """Price all pieces of one file.

    `size_mm` has three sides for a solid and two for a drawing. A part that no machine takes is priced too, for the
    person who has to look at it; `machines` says so. Raises `QuotingRefusalError` when the item alone is more than
    one order may be.
    """
    piece = weigh_piece(terms, estimate, size_mm)
    charges = _discounted(terms, piece)
    total = _sum(charges)
    seconds = machine_seconds(piece, terms.quantity)
    days = _production_days(seconds / SECONDS_PER_HOUR, terms.process.machine_hours_per_day)
    largest = terms.tariff.currencies[terms.currency].largest_order_minor
    if total > largest or days > terms.tariff.longest_lead_days:
        fewer = f"Order fewer than {terms.quantity} at a time."
        remedy = "Check the unit of the file, or split the part." if terms.quantity == 1 else fewer
        raise _too_large(terms.tariff, terms.currency, total, days, remedy)
    return PricedItem(
        process=terms.process_name,
        material=terms.label,
        quantity=terms.quantity,
        currency=terms.currency,
        lines=tuple(PriceLine(**charge._asdict()) for charge in charges),
        total_minor=total,
        quantity_breaks=_breaks(terms, piece, largest),
        machines=suitable_machines(size_mm, terms),
        material_g=int((piece.mass_g * terms.quantity).to_integral_value(ROUND_CEILING)),
        machine_hours=str((seconds / SECONDS_PER_HOUR).quantize(HOURS_STEP, ROUND_CEILING)),
        production_days=days,
        infill_percent=terms.infill_percent if isinstance(terms, PrintTerms) else None,
        thickness_mm=terms.thickness_mm if isinstance(terms, SheetTerms) else None,
    )


def price_quote(
    items: Sequence[PricedItem], tariff: Tariff, currency: str, lead_time: LeadTime, tier: str | None = None
) -> PricedQuote:
    """Put priced items together and charge what is charged once: small order, lead time, rounding, in this order.

    Raises `QuotingRefusalError` when the order is larger than one may be.
    """
    if not items or any(item.currency != currency for item in items):
        raise ValueError("a quote has items, all priced in its currency")
    items_minor = sum(item.total_minor for item in items)
    hours = _hours_by_process(items)
    lines = _order_lines(items_minor, tariff, currency, lead_time)
    total = items_minor + _sum(lines)
    days = _lead_days(hours, tariff, tariff.lead_times[lead_time])
    largest = tariff.currencies[currency].largest_order_minor
    if total > largest or days > tariff.longest_lead_days:
        raise _too_large(tariff, currency, total, days, "Order fewer pieces or items at a time.")
    options: list[LeadTimeOption] = []
    for other in LeadTime:
        other_total = items_minor + _sum(_order_lines(items_minor, tariff, currency, other))
        other_days = _lead_days(hours, tariff, tariff.lead_times[other])
        if other_total <= largest and other_days <= tariff.longest_lead_days:
            options.append(LeadTimeOption(lead_time=other, lead_time_days=other_days, total_minor=other_total))
    return PricedQuote(
        currency=currency,
        lines=tuple(PriceLine(**charge._asdict()) for charge in lines),
        items_minor=items_minor,
        total_minor=total,
        lead_time=lead_time,
        lead_time_days=days,
        lead_time_options=tuple(options),
        tier=tariff.default_tier if tier is None else tier,
        tariff_version=tariff.version,
    )


def _discounted(terms: Terms, piece: Piece, quantity: int | None = None) -> list[Charge]:
    """The lines of so many pieces (None: those wished for) with their discount as the last line, if there is any.

    Just below a break, more pieces would cost less than fewer: there the lower total of the break holds.
    """
    count = terms.quantity if quantity is None else quantity
    charges = item_charges(terms, piece, count)
    reached = [step for step in terms.tariff.quantity_breaks if step.from_quantity <= count]
    best, reason = _sum(charges), ""
    if reached:
        best = _after_discount(charges, reached[-1])
        reason = (
            f"{pieces(reached[-1].from_quantity)} or more: {reached[-1].percent_off} % off"
            f" {format_money(_sum(charges) - charges[0].amount_minor, terms.currency)}, the lines above without set-up"
        )
    for step in terms.tariff.quantity_breaks:
        if not count < step.from_quantity <= terms.tariff.largest_quantity:
            continue
        more = _after_discount(item_charges(terms, piece, step.from_quantity), step)
        if more < best:
            best = more
            reason = (
                f"{pieces(step.from_quantity)} with {step.percent_off} % off come to"
                f" {format_money(more, terms.currency)}, and fewer never cost more than that"
            )
    if best == _sum(charges):
        return charges
    return [*charges, Charge("quantity_discount", "Quantity discount", reason, best - _sum(charges))]


def _after_discount(charges: Sequence[Charge], step: QuantityDiscount) -> int:
    """The total less a discount on all lines but the first, which is the set-up."""
    total = _sum(charges)
    return total - whole_minor((total - charges[0].amount_minor) * step.percent_off / HUNDRED)


def _breaks(terms: Terms, piece: Piece, largest_minor: int) -> tuple[QuantityBreak, ...]:
    """What one piece, each break's quantity and the wished quantity cost, as far as one order may be that large."""
    steps = {step.from_quantity for step in terms.tariff.quantity_breaks} | {1, terms.quantity}
    rows: list[QuantityBreak] = []
    for quantity in sorted(step for step in steps if step <= terms.tariff.largest_quantity):
        total = _sum(_discounted(terms, piece, quantity))
        if total <= largest_minor:
            unit = whole_minor(Decimal(total) / quantity)
            rows.append(QuantityBreak(quantity=quantity, unit_minor=unit, total_minor=total))
    return tuple(rows)


def _order_lines(items_minor: int, tariff: Tariff, currency: str, lead_time: LeadTime) -> list[Charge]:
    rules = tariff.currencies[currency]
    lines: list[Charge] = []
    if items_minor < rules.minimum_order_minor:
        text = (
            f"The smallest order is {format_money(rules.minimum_order_minor, currency)} before lead time;"
            f" the items come to {format_money(items_minor, currency)}"
        )
        lines.append(Charge("small_order", "Small order", text, rules.minimum_order_minor - items_minor))
    before = items_minor + _sum(lines)
    percent = tariff.lead_times[lead_time].percent
    if extra := whole_minor(before * percent / HUNDRED):
        text = f"{lead_time.value.capitalize()}: {percent:+} % of {format_money(before, currency)}"
        lines.append(Charge("lead_time", "Lead time", text, extra))
    exact, step = before + extra, rules.rounding_step_minor
    rounded = (2 * exact + step) // (2 * step) * step
    if rounded != exact:
        text = f"{format_money(exact, currency)} to the nearest {format_money(step, currency)}"
        lines.append(Charge("rounding", "Rounding", text, rounded - exact))
    return lines


def _hours_by_process(items: Sequence[PricedItem]) -> Mapping[str, Decimal]:
    hours: dict[str, Decimal] = {}
    for item in items:
        hours[item.process] = hours.get(item.process, Decimal(0)) + Decimal(item.machine_hours)
    return hours


def _lead_days(hours: Mapping[str, Decimal], tariff: Tariff, rule: LeadTimeRule) -> int:
    """Handling, then production: processes work side by side, each on as many machines as the lead time gives it."""
    return rule.handling_days + max(
        _production_days(needed, tariff.processes[process].machine_hours_per_day * rule.machines)
        for process, needed in hours.items()
    )


def _production_days(hours: Decimal, hours_per_day: int) -> int:
    return max(int((hours / hours_per_day).to_integral_value(ROUND_CEILING)), 1)


def _sum(charges: Sequence[Charge]) -> int:
    return sum(charge.amount_minor for charge in charges)


def _too_large(tariff: Tariff, currency: str, total_minor: int, days: int, remedy: str) -> QuotingRefusalError:
    largest = tariff.currencies[currency].largest_order_minor
    if total_minor > largest:
        reason = f"{format_money(total_minor, currency)} is above the {format_money(largest, currency)} of one order"
    else:
        reason = f"Making it would take {days} days, and {tariff.longest_lead_days} is the longest lead time"
    return QuotingRefusalError(RefusalCode.ORDER_TOO_LARGE, f"{reason}. {remedy}", "quantity")
