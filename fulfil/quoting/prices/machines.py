"""Which machines can make a part, and why the others can't."""

from collections.abc import Sequence

from fulfil.models.messages.prices import MachineFit
from fulfil.quoting.prices.tariffs import PrintMachine, SheetMachine
from fulfil.quoting.prices.terms import PrintTerms, SheetTerms, Terms

TIMES = "\N{MULTIPLICATION SIGN}"
# The reader's last digit must not decide: a side of 250.0000001 mm fits where 250 does.
TOLERANCE_MM = 0.001
COMPLAINTS = {3: ("long", "wide", "high"), 2: ("long", "wide")}


def suitable_machines(size_mm: Sequence[float], terms: Terms) -> tuple[MachineFit, ...]:
    """Every machine of the process with its verdict; parts may be turned, by right angles, onto any side.

    `size_mm` is width, depth, height of a solid, or width and height of a drawing.
    """
    if isinstance(terms, PrintTerms):
        if len(size_mm) != 3:  # noqa: PLR2004 (a solid has three sides)
            raise ValueError("a solid has three sides")
        return tuple(_printer_fit(size_mm, machine, terms) for machine in terms.process.machines)
    if len(size_mm) != 2:  # noqa: PLR2004 (a drawing has two sides)
        raise ValueError("a drawing has two sides")
    return tuple(_cutter_fit(size_mm, machine, terms) for machine in terms.process.machines)


def turned_only(size_mm: Sequence[float], terms: PrintTerms) -> bool:
    """Whether the part as it lies fits no machine that takes the material."""
    return not any(
        stands_in(size_mm, machine.build_volume_mm)
        for machine in terms.process.machines
        if terms.material_name in machine.materials
    )


def stands_in(size_mm: Sequence[float], build_volume_mm: Sequence[float]) -> bool:
    """Whether a solid fits as it lies in the file, turned at most around the vertical."""
    return size_mm[2] <= build_volume_mm[2] + TOLERANCE_MM and fits(size_mm[:2], build_volume_mm[:2])


def usable_sheets_mm(machine: SheetMachine, terms: SheetTerms) -> tuple[tuple[float, float], ...]:
    """The sheets of the material that lie on a machine's bed."""
    return tuple(sheet for sheet in terms.material.sheets_mm if fits(sheet, machine.bed_mm))


def room_mm(sheet_mm: tuple[float, float], terms: SheetTerms) -> tuple[float, float]:
    """What of a sheet can be used: all but its edges, plus the margin, of which a part at the edge needs none."""
    spare = 2 * terms.process.margin_mm - 2 * terms.process.sheet_edge_mm
    return (sheet_mm[0] + spare, sheet_mm[1] + spare)


def blank_mm(size_mm: Sequence[float], terms: SheetTerms) -> tuple[float, float]:
    """What one piece takes out of a sheet: its size and the margin on every side."""
    return (size_mm[0] + 2 * terms.process.margin_mm, size_mm[1] + 2 * terms.process.margin_mm)


def fits(size_mm: Sequence[float], room: Sequence[float]) -> bool:
    """Whether a box fits into another when turned by right angles."""
    pairs = zip(sorted(size_mm), sorted(room), strict=True)
    return all(side <= available + TOLERANCE_MM for side, available in pairs)


def sides(size_mm: Sequence[float]) -> str:
    """`80 x 50 x 20`, to a tenth of a millimetre, with a multiplication sign."""
    return f" {TIMES} ".join(f"{round(side, 1):g}" for side in size_mm)


def _printer_fit(size_mm: Sequence[float], machine: PrintMachine, terms: PrintTerms) -> MachineFit:
    room = machine.build_volume_mm
    if terms.material_name not in machine.materials:
        return _not(machine.name, _other_material(terms.label, machine.materials))
    if not fits(size_mm, room):
        return _not(machine.name, f"{_excess(size_mm, room)}: {sides(size_mm)} in {sides(room)} mm")
    how = "fits" if stands_in(size_mm, room) else "fits turned onto another side (support is estimated as it lies)"
    return MachineFit(machine=machine.name, suitable=True, reason=f"{how}: {sides(size_mm)} in {sides(room)} mm")


def _cutter_fit(size_mm: Sequence[float], machine: SheetMachine, terms: SheetTerms) -> MachineFit:
    if terms.material_name not in machine.materials:
        return _not(machine.name, _other_material(terms.material_name, machine.materials))
    sheets = usable_sheets_mm(machine, terms)
    if not sheets:
        return _not(machine.name, f"no sheet of {terms.label} lies on its bed of {sides(machine.bed_mm)} mm")
    edge = terms.process.sheet_edge_mm
    rooms = sorted(
        ((width - 2 * edge, height - 2 * edge) for width, height in sheets), key=lambda room: room[0] * room[1]
    )
    for room in rooms:
        if fits(size_mm, room):
            reason = f"fits: {sides(size_mm)} in the usable {sides(room)} mm of a sheet"
            return MachineFit(machine=machine.name, suitable=True, reason=reason)
    largest = rooms[-1]
    reason = f"{_excess(size_mm, largest)}: {sides(size_mm)} in the usable {sides(largest)} mm of a sheet"
    return _not(machine.name, reason)


def _excess(size_mm: Sequence[float], room: Sequence[float]) -> str:
    """`too long by 12 mm and too high by 3.5 mm`, longest side against longest side."""
    pairs = zip(sorted(size_mm, reverse=True), sorted(room, reverse=True), COMPLAINTS[len(room)], strict=True)
    over = [
        f"too {word} by {max(round(side - available, 1), 0.1):g} mm"
        for side, available, word in pairs
        if side > available + TOLERANCE_MM
    ]
    return " and ".join(over)


def _other_material(label: str, materials: Sequence[str]) -> str:
    return f"does not take {label}, only {', '.join(materials)}"


def _not(machine: str, reason: str) -> MachineFit:
    return MachineFit(machine=machine, suitable=False, reason=reason)
