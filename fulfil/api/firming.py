"""What makes a price binding that is not: risks to accept, units to confirm, or a person who looks."""

from collections.abc import Sequence

from fulfil.api.schemas.quotes import ItemToFirm, QuoteItem, QuoteNext
from fulfil.models.messages.findings import Finding, FindingCode, Severity
from fulfil.models.messages.geometry import LengthUnit, UnitBasis
from fulfil.models.messages.quotes import QuoteStatus

# These are settled by naming the unit as well as by accepting them.
OF_THE_UNIT = (FindingCode.UNIT_GUESSED, FindingCode.UNIT_IMPLAUSIBLE)


def next_of(status: QuoteStatus, items: Sequence[QuoteItem]) -> QuoteNext | None:
    """None for a binding price."""
    if status is QuoteStatus.FIRM:
        return None
    needed = [_of_item(item) for item in items if item.status is not QuoteStatus.FIRM]
    names = {item.position: item.file.name for item in items}
    sentences = [sentence for item in needed if (sentence := _sentence(item, names[item.position]))]
    if status is QuoteStatus.REFUSED:
        sentences = ["No file has a price: see the refusals, change the files and ask again."]
    return QuoteNext(what=" ".join(sentences) or "A person has to look at this quote: ask support.", items=needed)


def _of_item(item: QuoteItem) -> ItemToFirm:
    risks = _pending(item, Severity.RISK)
    blockers = _pending(item, Severity.BLOCKER)
    remedies = [item.refusal.detail] if item.refusal else []
    return ItemToFirm(
        position=item.position,
        accept=_codes(risks),
        confirm_unit=_units(item) if any(risk.code in OF_THE_UNIT for risk in risks) else [],
        blocked_by=_codes(blockers),
        remedies=remedies + list(dict.fromkeys(each.remedy for each in blockers + risks if each.remedy)),
    )


def _pending(item: QuoteItem, severity: Severity) -> list[Finding]:
    taken = item.accepted if severity is Severity.RISK else ()
    return [finding for finding in item.findings if finding.severity is severity and finding.code not in taken]


def _codes(findings: Sequence[Finding]) -> list[FindingCode]:
    return list(dict.fromkeys(finding.code for finding in findings))


def _units(item: QuoteItem) -> list[LengthUnit]:
    geometry = item.solid or item.drawing
    if geometry is None or geometry.unit.basis is not UnitBasis.GUESSED:
        return []
    return [geometry.unit.unit, *geometry.unit.alternatives]


def _sentence(item: ItemToFirm, name: str) -> str:
    if item.blocked_by:
        return f"{name} needs a person to look, or another file: {', '.join(item.blocked_by)}."
    if not item.accept:
        return ""
    units = f", or confirm its unit ({' or '.join(item.confirm_unit)})" if item.confirm_unit else ""
    return f"Accept {', '.join(item.accept)} for {name}{units}, and ask again."
