"""Solids: every finding appears at its limit and not before, with number, limit, place and remedy."""

import pytest

from fulfil.models.messages.findings import Finding, FindingCode, Severity
from fulfil.models.messages.geometry import SolidGeometry
from fulfil.quoting.findings.rules import find_solid
from fulfil.quoting.findings.table import load_rules
from fulfil.quoting.prices.terms import PrintTerms
from tests.quoting.findings.samples import printing, solid, thickness


def only(geometry: SolidGeometry, terms: PrintTerms | None = None) -> Finding:
    found = find_solid(geometry, terms or printing())
    assert len(found) == 1, found
    assert found[0].message.endswith(".")
    assert found[0].remedy.endswith(".")
    return found[0]


def test_nothing_stands_against_a_sound_part() -> None:
    for terms in (printing(), printing("ABS"), printing("TPU"), printing("RESIN", "resin")):
        assert find_solid(solid(), terms) == ()


@pytest.mark.parametrize(
    ("changes", "code", "severity", "number"),
    [
        ({"closedness": "open", "open_edges": 3}, FindingCode.MESH_OPEN, Severity.RISK, 3),
        (
            {"closedness": "closed_non_manifold", "non_manifold_edges": 2},
            FindingCode.MESH_NON_MANIFOLD,
            Severity.INFO,
            2,
        ),
        ({"inside_out": True}, FindingCode.MESH_INSIDE_OUT, Severity.INFO, None),
        ({"duplicate_faces": 1}, FindingCode.DUPLICATE_FACES, Severity.WARNING, 1),
        ({"degenerate_faces": 4}, FindingCode.DEGENERATE_FACES, Severity.INFO, 4),
        ({"bodies": 3}, FindingCode.SEVERAL_BODIES, Severity.WARNING, 3),
        ({"overlapping": True, "overlap_volume_mm3": 125.0}, FindingCode.BODIES_OVERLAP, Severity.WARNING, 125),
        ({"overlapping": None}, FindingCode.OVERLAP_UNCHECKED, Severity.WARNING, None),
        ({"walls": None}, FindingCode.WALLS_UNMEASURED, Severity.INFO, None),
        ({"size_mm": (4, 3, 2)}, FindingCode.SMALL_PART, Severity.WARNING, 4),
        ({"size_mm": (400, 50, 20)}, FindingCode.EXCEEDS_BUILD_VOLUME, Severity.BLOCKER, 400),
        ({"overhang_mm2": 1_200, "support_mm3": 5_000}, FindingCode.OVERHANG, Severity.INFO, 10),
        ({"overhang_mm2": 2_400, "support_mm3": 5_000}, FindingCode.OVERHANG, Severity.WARNING, 20),
    ],
)
def test_a_fact_becomes_its_finding(
    changes: dict[str, object], code: FindingCode, severity: Severity, number: float | None
) -> None:
    found = only(solid(**changes))
    assert (found.code, found.severity, found.number) == (code, severity, number)
    assert (found.limit is None) == (found.number is None) == (found.measure is None)


def test_open_edges_are_shown_where_they_are() -> None:
    found = only(solid(closedness="open", open_edges=1, open_places_mm=((4, 5, 6),)))
    assert found.where_mm == (4, 5, 6)
    assert "open at 1 edge," in found.message


@pytest.mark.parametrize(
    ("wall", "terms", "severity", "limit"),
    [
        (thickness(0.79), printing(), Severity.WARNING, 0.8),
        (thickness(0.44), printing(), Severity.RISK, 0.45),
        (thickness(0.9), printing("ABS"), Severity.WARNING, 1.0),
        (thickness(0.79), printing("TPU"), Severity.RISK, 0.8),
        (thickness(0.45), printing("RESIN", "resin"), Severity.WARNING, 0.6),
        (thickness(0.29), printing("RESIN", "resin"), Severity.RISK, 0.3),
        (thickness(2, 0.01), printing(), Severity.INFO, 0.45),
    ],
)
def test_walls_are_judged_by_material(wall: object, terms: PrintTerms, severity: Severity, limit: float) -> None:
    found = only(solid(walls=wall), terms)
    assert (found.code, found.severity, found.limit) == (FindingCode.THIN_WALL, severity, limit)
    assert found.where_mm == (1, 2, 3)
    assert found.number is not None
    assert found.number < limit


def test_a_wall_of_exactly_the_limit_is_thick_enough() -> None:
    assert find_solid(solid(walls=thickness(0.8)), printing()) == ()


def test_a_round_wall_drawn_at_the_limit_is_thick_enough_though_its_facets_are_flat() -> None:
    assert find_solid(solid(walls=thickness(0.799)), printing()) == ()
    assert find_solid(solid(walls=thickness(0.78)), printing())


@pytest.mark.parametrize(("gap", "severity"), [(0.39, Severity.WARNING), (0.14, Severity.RISK)])
def test_narrow_gaps_are_found(gap: float, severity: Severity) -> None:
    found = only(solid(gaps=thickness(gap)))
    assert (found.code, found.severity) == (FindingCode.NARROW_GAP, severity)
    assert find_solid(solid(gaps=None), printing()) == ()


def test_a_hollow_traps_resin_and_leaves_filament_alone() -> None:
    hollow = solid(hollows=1, hollow_volume_mm3=125.0)
    resin, filament = only(hollow, printing("RESIN", "resin")), only(hollow)
    assert (resin.severity, filament.severity) == (Severity.RISK, Severity.INFO)
    assert "drain holes" in resin.remedy
    assert "1 closed hollow of 125.0 mm³" in filament.message


def test_soft_filament_is_at_risk_on_support() -> None:
    assert only(solid(overhang_mm2=2_400), printing("TPU")).severity is Severity.RISK


def test_a_part_that_fits_only_when_turned_is_a_warning() -> None:
    found = only(solid(size_mm=(20, 20, 230)), printing("TPU"))
    assert (found.code, found.severity) == (FindingCode.EXCEEDS_BUILD_VOLUME, Severity.WARNING)


def test_the_blocker_says_what_is_wrong_with_every_machine() -> None:
    message = only(solid(size_mm=(400, 50, 20))).message
    assert "Printer 250: too long by 150 mm" in message
    assert "Printer 360: too long by 40 mm" in message


def test_the_gravest_come_first() -> None:
    found = find_solid(
        solid(inside_out=True, bodies=2, closedness="open", open_edges=1, size_mm=(400, 5, 5)), printing()
    )
    assert [finding.severity for finding in found] == [
        Severity.BLOCKER,
        Severity.RISK,
        Severity.WARNING,
        Severity.INFO,
    ]


def test_unknown_materials_and_processes_fall_back_to_their_defaults() -> None:
    rules = load_rules()
    assert rules.for_solid("fdm", "NYLON") == rules.for_solid("fdm", "PLA")
    assert rules.for_solid("mjf", "PA12") == rules.solids["default"]["default"]
    assert rules.for_drawing("laser", "CORK") == rules.drawings["default"]["default"]
