"""The sentences about a solid's surface and bodies, as findings."""

from fulfil.models.messages.findings import Finding, FindingCode, Severity
from fulfil.models.messages.geometry import Closedness, SolidGeometry
from fulfil.quoting.solids.repair import Repairs

NORMALS_REMEDY = "Recalculate the normals outwards in your CAD program and export the part again."


def remarks_of_surface(geometry: SolidGeometry, repairs: Repairs) -> tuple[Finding, ...]:
    """What the edges and faces tell."""
    found: list[Finding] = []
    if geometry.closedness is Closedness.OPEN:
        found.append(_open(geometry, repairs))
    if repairs.seams_closed:
        found.append(
            Finding(
                code=FindingCode.SEAMS_CLOSED,
                severity=Severity.INFO,
                message=f"{repairs.seams_closed:,} open edges gaped by no more than a rounding error and were closed.",
                number=repairs.seams_closed,
                measure="edges",
            )
        )
    if geometry.non_manifold_edges:
        found.append(
            Finding(
                code=FindingCode.MESH_NON_MANIFOLD,
                severity=Severity.INFO,
                message=f"{geometry.non_manifold_edges:,} edges join more than two faces, as where bodies touch. "
                "The volume is exact all the same.",
                number=geometry.non_manifold_edges,
                measure="edges",
            )
        )
    if geometry.inside_out:
        found.append(
            Finding(
                code=FindingCode.MESH_INSIDE_OUT,
                severity=Severity.INFO,
                message="The whole surface points inwards; it was measured as if turned back.",
                remedy=NORMALS_REMEDY,
            )
        )
    if repairs.turned_faces:
        found.append(
            Finding(
                code=FindingCode.MESH_INSIDE_OUT,
                severity=Severity.WARNING,
                message=f"{repairs.turned_faces:,} faces point the other way than their neighbours; they were turned.",
                remedy=NORMALS_REMEDY,
                number=repairs.turned_faces,
                measure="faces",
            )
        )
    return (*found, *_of_faces(geometry, repairs))


def _of_faces(geometry: SolidGeometry, repairs: Repairs) -> tuple[Finding, ...]:
    found: list[Finding] = []
    if repairs.duplicate_faces:
        found.append(
            Finding(
                code=FindingCode.DUPLICATE_FACES,
                severity=Severity.WARNING,
                message=f"{repairs.duplicate_faces:,} faces stand in the file more than once; each was counted once.",
                remedy="If two equal parts are meant, place them apart or order two.",
                number=repairs.duplicate_faces,
                measure="faces",
            )
        )
    if repairs.duplicates_kept:
        found.append(
            Finding(
                code=FindingCode.DUPLICATE_FACES,
                severity=Severity.WARNING,
                message=f"{repairs.duplicates_kept:,} faces of different bodies lie on each other.",
                remedy="Unite the bodies in your CAD program and export the part again.",
                number=repairs.duplicates_kept,
                measure="faces",
            )
        )
    if geometry.degenerate_faces:
        found.append(
            Finding(
                code=FindingCode.DEGENERATE_FACES,
                severity=Severity.INFO,
                message=f"{geometry.degenerate_faces:,} faces have no area; they change nothing.",
                number=geometry.degenerate_faces,
                measure="faces",
            )
        )
    return tuple(found)


def remarks_of_bodies(geometry: SolidGeometry, *, turned: int, flat: int, doubtful: bool) -> tuple[Finding, ...]:
    """What the bodies tell: `turned` ones pointed inwards, `flat` ones enclose nothing, `doubtful` may share space."""
    found: list[Finding] = []
    if geometry.bodies > 1:
        found.append(
            Finding(
                code=FindingCode.SEVERAL_BODIES,
                severity=Severity.INFO,
                message=f"The file holds {geometry.bodies:,} bodies; they are made and priced as one part.",
                remedy="If they are separate parts, upload each as a file of its own.",
                number=geometry.bodies,
                measure="bodies",
            )
        )
    if turned:
        found.append(
            Finding(
                code=FindingCode.MESH_INSIDE_OUT,
                severity=Severity.RISK,
                message=f"{turned:,} of the bodies point inwards though no other body surrounds them; they were "
                "measured as solid.",
                remedy=NORMALS_REMEDY,
                number=turned,
                measure="bodies",
            )
        )
    if flat:
        found.append(
            Finding(
                code=FindingCode.DEGENERATE_FACES,
                severity=Severity.WARNING,
                message=f"{flat:,} bodies are sheets without thickness; they hold no material and won't be made.",
                remedy="Give them a thickness if they are meant, and export the part again.",
                number=flat,
                measure="bodies",
            )
        )
    return (*found, *_of_overlap(geometry, doubtful=doubtful))


def _of_overlap(geometry: SolidGeometry, *, doubtful: bool) -> tuple[Finding, ...]:
    found: list[Finding] = []
    if geometry.overlapping:
        found.append(
            Finding(
                code=FindingCode.BODIES_OVERLAP,
                severity=Severity.WARNING,
                message=f"Bodies share {geometry.overlap_volume_mm3:,.1f} mm³; that space was counted once.",
                remedy="Unite the bodies in your CAD program; for a hollow, turn its normals inwards.",
                number=geometry.overlap_volume_mm3,
                measure="mm3",
            )
        )
    if geometry.overlapping is None:
        found.append(
            Finding(
                code=FindingCode.OVERLAP_UNCHECKED,
                severity=Severity.RISK if doubtful else Severity.INFO,
                message="Whether bodies share space could not be settled"
                + (", and some seem to: the volume may count it twice." if doubtful else "; they seem not to."),
                remedy="Unite the bodies in your CAD program, or export with a coarser tolerance.",
            )
        )
    return tuple(found)


def too_large_to_split(geometry: SolidGeometry) -> Finding:
    """The finding for a mesh that was measured as one body for its size."""
    return Finding(
        code=FindingCode.OVERLAP_UNCHECKED,
        severity=Severity.RISK,
        message=f"The mesh has {geometry.triangles:,} triangles and was measured as one body: bodies in one another, "
        "hollows and faces that lie on each other were not looked for.",
        remedy="Export it with a coarser tolerance (0.01 mm is finer than any printer).",
        number=geometry.triangles,
        measure="triangles",
    )


def _open(geometry: SolidGeometry, repairs: Repairs) -> Finding:
    how = "holes were spanned flat to estimate it" if repairs.capped else "it is a rough estimate"
    what = f"{geometry.open_edges:,} open edges"
    what += f" around {repairs.holes:,} holes" if repairs.holes else ", too many to look for holes"
    if repairs.one_sided:
        what += ", and it has no definite inside"
    return Finding(
        code=FindingCode.MESH_OPEN,
        severity=Severity.RISK if repairs.capped and not repairs.one_sided else Severity.BLOCKER,
        message=f"The surface is not closed: {what}. It has no definite volume; {how}.",
        remedy='Close the holes ("make solid" or "repair" in your CAD program or slicer) and export the part again.',
        where_mm=geometry.open_places_mm[0] if geometry.open_places_mm else None,
        number=geometry.open_edges,
        limit=0,
        measure="edges",
    )
