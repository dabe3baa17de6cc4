"""What stands against making a file as it is: facts held against the limits of process and material."""

from collections.abc import Collection, Iterable

from fulfil.models.messages.findings import Finding, FindingCode, Severity
from fulfil.models.messages.geometry import DrawingGeometry, SolidGeometry
from fulfil.models.messages.prices import QuoteVerdict
from fulfil.quoting.findings.drawings import drawing_findings
from fulfil.quoting.findings.solids import solid_findings
from fulfil.quoting.findings.table import Rules, load_rules
from fulfil.quoting.prices.terms import PrintTerms, SheetTerms

GRAVITY = {severity: rank for rank, severity in enumerate(reversed(Severity))}


def find_solid(geometry: SolidGeometry, terms: PrintTerms, rules: Rules | None = None) -> tuple[Finding, ...]:
    """Findings of a solid, the gravest first; `rules` None are the current ones."""
    return by_gravity(solid_findings(geometry, terms, rules or load_rules()))


def find_drawing(geometry: DrawingGeometry, terms: SheetTerms, rules: Rules | None = None) -> tuple[Finding, ...]:
    """Findings of a drawing, the gravest first; `rules` None are the current ones."""
    return by_gravity(drawing_findings(geometry, terms, rules or load_rules()))


def by_gravity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Blockers, risks, warnings, infos; within one severity in the order given."""
    return tuple(sorted(findings, key=lambda finding: GRAVITY[finding.severity]))


def merge_findings(measured: Iterable[Finding], judged: Iterable[Finding]) -> tuple[Finding, ...]:
    """What reading and measuring told together with what the rules told, the gravest first.

    Where both speak of the same code, the measurement does: it knows what was repaired.
    """
    told = tuple(measured)
    codes = {finding.code for finding in told}
    return by_gravity((*told, *(finding for finding in judged if finding.code not in codes)))


def decide_status(findings: Iterable[Finding], accepted: Collection[FindingCode]) -> QuoteVerdict:
    """`manual` if anything blocks, `provisional` while a risk isn't accepted, else `firm`.

    A blocker stays one however often it is accepted.
    """
    verdict = QuoteVerdict.FIRM
    for finding in findings:
        if finding.severity is Severity.BLOCKER:
            return QuoteVerdict.MANUAL
        if finding.severity is Severity.RISK and finding.code not in accepted:
            verdict = QuoteVerdict.PROVISIONAL
    return verdict
