"""How quotes look: what was measured and found, what it costs and why, and what makes the price binding."""

from collections.abc import Mapping

from rich.markup import escape

from fulfil.api.schemas.base import Difference
from fulfil.api.schemas.quotes import EstimateConfirmation, Quote, QuoteItem, Repriced
from fulfil.cli.rendering import console, money, show_facts, show_table
from fulfil.models.messages.estimates import Estimate
from fulfil.models.messages.findings import Finding, Severity
from fulfil.models.messages.geometry import DrawingGeometry, SolidGeometry, UnitBasis, UnitDecision
from fulfil.models.messages.prices import PricedItem
from fulfil.models.money import format_money

SEVERITY_COLOURS: Mapping[Severity, str] = {
    Severity.INFO: "dim",
    Severity.WARNING: "yellow",
    Severity.RISK: "bold yellow",
    Severity.BLOCKER: "bold red",
}
MM2_PER_CM2, MM3_PER_CM3 = 100, 1000


def pieces(quantity: int) -> str:
    """`1 piece`, `3 pieces`."""
    return "1 piece" if quantity == 1 else f"{quantity} pieces"


def show_quote(quote: Quote) -> None:
    """Everything about a quote, item by item, then what holds for all of it."""
    for item in quote.items:
        show_item(item)
    currency = quote.total.currency
    rows = [(item.file.name, item.amount, pieces(item.wish.quantity)) for item in quote.items if item.amount]
    rows_once = [(line.title, money(line.amount_minor, currency), line.explanation) for line in quote.lines]
    console().print("\n[bold]The whole quote[/]")
    show_table(["price line", "amount", "because"], [*rows, *rows_once, ("Total", quote.total, " ")], empty="no lines")
    options = [
        f"{option.lead_time} {option.lead_time_days} d {money(option.total_minor, currency)}"
        for option in quote.lead_time_options
    ]
    show_facts(
        {
            "quote": quote.id,
            "status": quote.status,
            "lead time": f"{quote.lead_time}, {quote.lead_time_days} days",
            "other lead times": "; ".join(options) or None,
            "tier": quote.tier,
            "versions": f"tariff {quote.versions.tariff}, rules {quote.versions.rules}",
            "took": f"{quote.total_calculation_time_ms} ms, analyses {quote.calculation_time_ms} ms when first made",
            "valid until": quote.expires_at,
            "next": quote.next.what if quote.next else "The price is binding.",
        }
    )


def show_item(item: QuoteItem) -> None:
    """One file: geometry, findings, estimate, price, breaks, machines."""
    console().print(f"\n[bold]{escape(item.file.name)}[/] ({item.file.format}): {item.status}")
    if item.refusal is not None:
        console().print(f"  [bold red]{escape(item.refusal.detail)}[/] \\[{item.refusal.code}]", soft_wrap=True)
    geometry = item.solid or item.drawing
    wish = item.wish
    show_facts(
        {
            "part": _part(item.solid) if item.solid else _drawing(item.drawing) if item.drawing else None,
            "unit": _unit(geometry.unit) if geometry else None,
            "made": f"{wish.quantity} x {wish.process} in {item.price.material if item.price else wish.material}",
            "estimate": _estimate(item.estimate) if item.estimate else None,
            "slicer": _confirmation(item.confirmation) if item.confirmation else None,
            "accepted": ", ".join(item.accepted) or None,
        }
    )
    if item.findings:
        show_table(["finding", "what", "remedy"], map(_finding, item.findings), empty="")
    if item.price is not None:
        _show_price(item.price)


def _show_price(price: PricedItem) -> None:
    rows = [(line.title, money(line.amount_minor, price.currency), line.explanation) for line in price.lines]
    total = ("All pieces", money(price.total_minor, price.currency), f"{price.machine_hours} machine hours")
    show_table(["price line", "amount", "because"], [*rows, total], empty="no lines")
    breaks = [f"{step.quantity} at {money(step.unit_minor, price.currency)}" for step in price.quantity_breaks]
    machines = [f"{'yes' if fit.suitable else 'no'}: {fit.machine}. {fit.reason}" for fit in price.machines]
    show_facts({"quantities": ", ".join(breaks) or None, "machines": "\n".join(machines) or None})


def show_repriced(repriced: Repriced) -> None:
    """Before, after and the difference, item by item and in all."""
    rows = [
        (f"item {item.position + 1}", item.before, item.after or _why(item.refusal), _difference(item.difference))
        for item in repriced.items
    ]
    whole = ("whole quote", repriced.before, repriced.after or "no price", _difference(repriced.difference))
    columns = ["what", "before", f"by tariff {repriced.tariff_version}", "difference"]
    show_table(columns, [*rows, whole], empty="no items")


def _why(refusal: object) -> str:
    return f"refused: {getattr(refusal, 'detail', '')}"


def _difference(difference: Difference | None) -> str | None:
    return None if difference is None else signed(difference)


def signed(difference: Difference) -> str:
    """A difference with its sign."""
    sign = "+" if difference.amount_minor > 0 else ""
    return sign + format_money(difference.amount_minor, difference.currency)


def _part(solid: SolidGeometry) -> str:
    size = " x ".join(f"{side:.1f}" for side in solid.size_mm)
    facts = [
        f"{size} mm",
        f"{solid.volume_mm3 / MM3_PER_CM3:.2f} cm3",
        f"{solid.area_mm2 / MM2_PER_CM2:.1f} cm2",
        f"{solid.triangles} triangles",
        solid.closedness.value.replace("_", " "),
    ]
    if solid.bodies > 1:
        facts.append(f"{solid.bodies} bodies")
    if solid.support_mm3 > 0:
        facts.append(f"{solid.support_mm3 / MM3_PER_CM3:.2f} cm3 to support")
    return ", ".join(facts)


def _drawing(drawing: DrawingGeometry) -> str:
    size = " x ".join(f"{side:.1f}" for side in drawing.size_mm)
    facts = [f"{size} mm", f"cut {drawing.cut_length_mm:.0f} mm in {drawing.pierces} pierces"]
    if drawing.score_length_mm:
        facts.append(f"score {drawing.score_length_mm:.0f} mm")
    if drawing.engraved_area_mm2:
        facts.append(f"engrave {drawing.engraved_area_mm2 / MM2_PER_CM2:.1f} cm2")
    groups = ", ".join(f"{group.key} {group.operation}" for group in drawing.groups)
    return f"{', '.join(facts)}; {groups}" if groups else ", ".join(facts)


def _unit(unit: UnitDecision) -> str:
    others = ", ".join(unit.alternatives)
    remedy = f" Another is meant? --unit {others}" if others and unit.basis is UnitBasis.GUESSED else ""
    return f"{unit.unit} ({unit.basis}). {unit.reason}{remedy}"


def _estimate(estimate: Estimate) -> str:
    mass = f"{estimate.mass_g:.1f} g ± {estimate.mass_band_percent:g} %"
    time = f"{_duration(estimate.time_s)} ± {estimate.time_band_percent:g} %"
    return f"{mass}, {time} each ({estimate.method}, coefficients {estimate.coefficients_version})"


def _confirmation(confirmation: EstimateConfirmation) -> str:
    ours = f"{confirmation.estimated_g:.1f} g, {_duration(confirmation.estimated_s)}"
    sliced = f"{confirmation.sliced_g:.1f} g, {_duration(confirmation.sliced_s)}"
    warning = f" {confirmation.finding.message}" if confirmation.finding else ""
    return f"{confirmation.slicer} says {sliced}; we say {ours}.{warning}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s"


def _finding(finding: Finding) -> tuple[str, str, str]:
    where = f" at ({', '.join(f'{part:.1f}' for part in finding.where_mm)}) mm" if finding.where_mm else ""
    return (f"{finding.severity} {finding.code}", f"{finding.message}{where}", finding.remedy)
