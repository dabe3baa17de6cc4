"""The catalogue: what a quote may ask for, by today's price list."""

from pydantic import Field

from fulfil.api.schemas.base import Representation
from fulfil.models.messages.prices import LeadTime
from fulfil.quoting.prices.tariffs import PrintMachine, PrintProcess, SheetMachine, SheetMaterial, SheetProcess, Tariff


class OfferedMaterial(Representation):
    """A material; thicknesses and sheets for those sold in sheets."""

    name: str = Field(examples=["PLA"])
    title: str
    density_g_cm3: float
    thicknesses_mm: list[float]
    default_thickness_mm: float | None
    sheets_mm: list[tuple[float, float]]


class OfferedMachine(Representation):
    """A machine and the most it takes: a build volume (width, depth, height) or a sheet."""

    name: str
    size_mm: list[float]
    materials: list[str]


class OfferedInfill(Representation):
    """The infill one may choose, in percent."""

    least_percent: int
    most_percent: int
    default_percent: int


class OfferedProcess(Representation):
    """A way of making: `print` takes solids, `sheet` takes drawings."""

    name: str = Field(examples=["fdm"])
    title: str
    kind: str = Field(examples=["print"])
    infill: OfferedInfill | None
    materials: list[OfferedMaterial]
    machines: list[OfferedMachine]


class OfferedLeadTime(Representation):
    """How soon; `percent` is what it adds to the price or takes off."""

    name: LeadTime
    percent: str = Field(description="A decimal.", examples=["25"])
    handling_days: int


class OfferedTier(Representation):
    """A class of providers."""

    name: str
    title: str


class Catalogue(Representation):
    """Everything a quote may ask for."""

    tariff_version: str
    currencies: list[str]
    largest_quantity: int
    tiers: list[OfferedTier]
    default_tier: str
    lead_times: list[OfferedLeadTime]
    processes: list[OfferedProcess]


def catalogue_of(tariff: Tariff) -> Catalogue:
    """What a price list offers."""
    return Catalogue(
        tariff_version=tariff.version,
        currencies=list(tariff.currencies),
        largest_quantity=tariff.largest_quantity,
        tiers=[OfferedTier(name=name, title=tier.title) for name, tier in tariff.tiers.items()],
        default_tier=tariff.default_tier,
        lead_times=[
            OfferedLeadTime(name=name, percent=str(rule.percent), handling_days=rule.handling_days)
            for name, rule in tariff.lead_times.items()
        ],
        processes=[_process(name, process) for name, process in tariff.processes.items()],
    )


def _process(name: str, process: PrintProcess | SheetProcess) -> OfferedProcess:
    infill = process.infill if isinstance(process, PrintProcess) else None
    return OfferedProcess(
        name=name,
        title=process.title,
        kind=process.kind,
        infill=OfferedInfill(**infill.model_dump()) if infill else None,
        materials=_materials(process),
        machines=[_machine(machine) for machine in process.machines],
    )


def _materials(process: PrintProcess | SheetProcess) -> list[OfferedMaterial]:
    if isinstance(process, SheetProcess):
        return [_sheet(name, material) for name, material in process.materials.items()]
    return [
        OfferedMaterial(
            name=name,
            title=material.title,
            density_g_cm3=material.density_g_cm3,
            thicknesses_mm=[],
            default_thickness_mm=None,
            sheets_mm=[],
        )
        for name, material in process.materials.items()
    ]


def _sheet(name: str, material: SheetMaterial) -> OfferedMaterial:
    return OfferedMaterial(
        name=name,
        title=material.title,
        density_g_cm3=material.density_g_cm3,
        thicknesses_mm=sorted(float(thickness) for thickness in material.thicknesses),
        default_thickness_mm=float(material.default_thickness),
        sheets_mm=list(material.sheets_mm),
    )


def _machine(machine: PrintMachine | SheetMachine) -> OfferedMachine:
    size_mm = machine.build_volume_mm if isinstance(machine, PrintMachine) else machine.bed_mm
    return OfferedMachine(name=machine.name, size_mm=list(size_mm), materials=list(machine.materials))
