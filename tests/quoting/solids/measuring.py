"""Short ways to measure triangles in tests."""

from fulfil.models.messages.findings import Finding, FindingCode, Severity
from fulfil.models.messages.geometry import LengthUnit, SolidGeometry, UnitBasis, UnitDecision
from fulfil.quoting.solids.facts import measure_solid
from fulfil.quoting.solids.stream import StreamedFacts, measure_corners
from tests.quoting.making_solids import Triangles, together

MM = UnitDecision(unit=LengthUnit.MM, mm_per_unit=1, basis=UnitBasis.STATED, reason="a test says so")


def measure(*bodies: Triangles) -> SolidGeometry:
    """The geometry of the bodies in one file."""
    return measure_solid(together(*bodies), MM).geometry


def findings(*bodies: Triangles) -> tuple[Finding, ...]:
    """What was remarked about the bodies in one file."""
    return measure_solid(together(*bodies), MM).findings


def upright(*bodies: Triangles) -> StreamedFacts:
    """The triangles to go on with, measured as they are."""
    return measure_corners(measure_solid(together(*bodies), MM).corners)


def remarks(*bodies: Triangles) -> dict[FindingCode, Severity]:
    """The codes of the findings with their severities."""
    return {finding.code: finding.severity for finding in findings(*bodies)}
