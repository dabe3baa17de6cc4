"""One file to one priced item: estimate, findings, price and status from an analysis and agreed terms."""

from collections.abc import Collection
from decimal import Decimal

from fulfil.models.messages.estimates import Estimate
from fulfil.models.messages.findings import FindingCode
from fulfil.models.messages.geometry import SolidGeometry
from fulfil.models.messages.prices import ItemWish, QuoteVerdict
from fulfil.models.messages.profiles import LayerProfile, Support
from fulfil.models.messages.quotes import QuotedItem, QuoteStatus
from fulfil.models.money import format_money
from fulfil.quoting.analysis import Analysis, Glance
from fulfil.quoting.estimates.coefficients import fdm_coefficients, resin_coefficients
from fulfil.quoting.estimates.fdm import estimate_fdm
from fulfil.quoting.estimates.fdm_shell import estimate_fdm_shell
from fulfil.quoting.estimates.laser import estimate_laser, load_laser
from fulfil.quoting.estimates.resin import estimate_resin
from fulfil.quoting.findings.rules import decide_status, find_drawing, find_solid, merge_findings
from fulfil.quoting.motion import decode_motion
from fulfil.quoting.prices.pricing import price_item
from fulfil.quoting.prices.tariffs import Tariff
from fulfil.quoting.prices.terms import PrintTerms, SheetTerms, Terms, agree, laser_settings
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode

STATUS_OF = {
    QuoteVerdict.FIRM: QuoteStatus.FIRM,
    QuoteVerdict.PROVISIONAL: QuoteStatus.PROVISIONAL,
    QuoteVerdict.MANUAL: QuoteStatus.MANUAL,
}
PERCENT = 100


def quote_item(
    analysis: Analysis,
    motion: bytes | None,
    terms: Terms,
    accepted: Collection[FindingCode] = (),
    *,
    coefficients: str | None = None,
) -> QuotedItem:
    """Price a measured file; the same arguments always give the same item.

    `motion` is the artefact of a drawing. `coefficients` names the version of an earlier estimate, None takes the
    newest. Raises `QuotingRefusalError` when the file was refused, or can't be made by this process at all.
    """
    if analysis.refusal is not None:
        refusal = analysis.refusal
        raise QuotingRefusalError(RefusalCode(refusal.code), refusal.detail, refusal.param)
    if isinstance(terms, PrintTerms):
        return _quote_print(analysis, terms, accepted, coefficients)
    return _quote_sheet(analysis, motion, terms, accepted, coefficients)


def first_price(glance: Glance, wish: ItemWish, currency: str, tariff: Tariff, tier: str) -> str | None:
    """A price from volume and area alone with its band, such as `12.90 EUR (± 9 %)`; None where it can't be given."""
    try:
        terms = agree(wish, currency, tariff, tier)
        if not isinstance(terms, PrintTerms) or terms.infill_percent is None:
            return None
        estimate = estimate_fdm_shell(
            glance.volume_mm3,
            glance.area_mm2,
            glance.size_mm[2],
            material=terms.material_name,
            density_g_cm3=terms.material.density_g_cm3,
            infill=terms.infill_percent / PERCENT,
        )
        priced = price_item(terms, estimate, glance.size_mm)
    except (QuotingRefusalError, ValueError):
        return None
    band = max(estimate.mass_band_percent, estimate.time_band_percent)
    return f"{format_money(priced.total_minor, currency)} (± {Decimal(band):.0f} %)"


def _quote_print(
    analysis: Analysis, terms: PrintTerms, accepted: Collection[FindingCode], coefficients: str | None
) -> QuotedItem:
    if analysis.solid is None or analysis.layers is None:
        raise _not_for_file(terms, "builds solids", "a drawing", "Choose laser, or upload STL, OBJ, 3MF or STEP.")
    solid = analysis.solid
    estimate = _estimate_print(solid, analysis.layers, analysis.support, terms, coefficients)
    findings = merge_findings(analysis.findings, find_solid(solid, terms))
    return QuotedItem(
        status=STATUS_OF[decide_status(findings, accepted)],
        solid=solid,
        findings=findings,
        estimate=estimate,
        priced=price_item(terms, estimate, solid.size_mm),
    )


def _quote_sheet(
    analysis: Analysis,
    motion: bytes | None,
    terms: SheetTerms,
    accepted: Collection[FindingCode],
    coefficients: str | None,
) -> QuotedItem:
    if analysis.drawing is None or motion is None:
        raise _not_for_file(terms, "cuts sheets", "a solid", "Choose fdm or resin, or upload SVG or DXF.")
    drawing = analysis.drawing
    machine = load_laser() if coefficients is None else load_laser(coefficients)
    estimate = estimate_laser(decode_motion(motion), drawing, laser_settings(terms), machine)
    findings = merge_findings(analysis.findings, find_drawing(drawing, terms))
    return QuotedItem(
        status=STATUS_OF[decide_status(findings, accepted)],
        drawing=drawing,
        findings=findings,
        estimate=estimate,
        priced=price_item(terms, estimate, drawing.size_mm),
    )


def _estimate_print(
    solid: SolidGeometry, layers: LayerProfile, support: Support | None, terms: PrintTerms, coefficients: str | None
) -> Estimate:
    density = terms.material.density_g_cm3
    if terms.infill_percent is None:
        return estimate_resin(
            solid.volume_mm3,
            solid.size_mm[2],
            material=terms.material_name,
            density_g_cm3=density,
            coefficients=None if coefficients is None else resin_coefficients(coefficients),
        )
    return estimate_fdm(
        layers,
        support,
        material=terms.material_name,
        density_g_cm3=density,
        infill=terms.infill_percent / PERCENT,
        coefficients=None if coefficients is None else fdm_coefficients(coefficients),
    )


def _not_for_file(terms: Terms, does: str, file: str, remedy: str) -> QuotingRefusalError:
    return QuotingRefusalError(
        RefusalCode.PROCESS_NOT_FOR_FILE, f"{terms.process_name} {does}, and this file is {file}. {remedy}", "process"
    )
