"""What making parts costs: a price list read from versioned JSON, so that every quote says which prices it rests on."""

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Annotated, Literal, Self, cast

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from fulfil.models.messages.base import Message
from fulfil.models.messages.prices import LeadTime
from fulfil.models.money import Currency, step_minor

CURRENT_TARIFF_VERSION = "2026-3"
LARGEST_DOCUMENT_BYTES = 1_000_000
DECIMAL_TEXT = re.compile(r"-?\d{1,7}(\.\d{1,6})?")
PROCESS_NAME = re.compile(r"[a-z][a-z0-9_]*")
MATERIAL_NAME = re.compile(r"[A-Z][A-Z0-9]*")


class TariffError(Exception):
    """A price list can't be used: `field` is the path of what is wrong, such as `processes.fdm.setup_minor`."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail


def _from_text(value: object) -> Decimal:
    # A JSON number would pass through binary floating point in most readers and writers of such a document.
    if not isinstance(value, str) or not DECIMAL_TEXT.fullmatch(value):
        raise ValueError('must be a decimal in quotation marks, such as "1.25"')
    return Decimal(value)


Exact = Annotated[Decimal, BeforeValidator(_from_text)]
NotNegative = Annotated[Decimal, BeforeValidator(_from_text), Field(ge=0)]
Factor = Annotated[Decimal, BeforeValidator(_from_text), Field(gt=0, le=100)]
Percent = Annotated[Decimal, BeforeValidator(_from_text), Field(ge=0, lt=100)]
RateMinor = Annotated[int, Field(strict=True, gt=0, le=100_000_000)]
RateByCurrency = Mapping[Currency, RateMinor]
Days = Annotated[int, Field(strict=True, ge=0, le=365)]
Physical = Annotated[float, Field(strict=True, gt=0, le=100_000, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Text = Annotated[str, Field(min_length=1, max_length=400)]


class CurrencyRules(Message):
    """What holds for a whole order in one currency, in its minor units.

    Totals are rounded to the nearest `rounding_step_minor`.
    """

    rounding_step_minor: RateMinor
    minimum_order_minor: RateMinor
    largest_order_minor: RateMinor

    @model_validator(mode="after")
    def _minimum_survives_rounding(self) -> Self:
        if self.minimum_order_minor % self.rounding_step_minor:
            raise ValueError("minimum_order_minor must be a multiple of rounding_step_minor")
        return self


class Tier(Message):
    """A class of providers: factors on the rates below."""

    title: Text
    material_factor: Factor
    machine_factor: Factor
    labour_factor: Factor


class QuantityDiscount(Message):
    """From so many pieces of one item on, so many percent off everything but its set-up."""

    from_quantity: Annotated[int, Field(strict=True, ge=2, le=1_000_000)]
    percent_off: Percent


class LeadTimeRule(Message):
    """What a lead time adds (or takes off), and how the days come about: handling, then `machines` side by side."""

    percent: Annotated[Exact, Field(gt=-100, le=400)]
    handling_days: Days
    machines: Annotated[int, Field(strict=True, ge=1, le=100)]


class PrintMachine(Message):
    """A printer; `build_volume_mm` as width, depth, height."""

    name: Text
    build_volume_mm: tuple[Physical, Physical, Physical]
    materials: tuple[Text, ...]


class SheetMachine(Message):
    """A cutter; `bed_mm` is the largest sheet it takes."""

    name: Text
    bed_mm: tuple[Physical, Physical]
    materials: tuple[Text, ...]


class PrintMaterial(Message):
    """A material sold by mass."""

    title: Text
    density_g_cm3: Physical
    price_per_kg_minor: RateByCurrency


class SheetThickness(Message):
    """One thickness of a sheet material and how it is cut: assumptions until a shop has calibrated them."""

    price_per_m2_minor: RateByCurrency
    cut_speed_mm_s: Physical
    passes: Annotated[int, Field(strict=True, ge=1, le=20)]
    pierce_s: Annotated[float, Field(strict=True, ge=0, le=60, allow_inf_nan=False)]
    kerf_mm: Physical


class SheetMaterial(Message):
    """A material sold by area; a speed of None says that the operation can't be done on it."""

    title: Text
    density_g_cm3: Physical
    sheets_mm: Annotated[tuple[tuple[Physical, Physical], ...], Field(min_length=1)]
    score_speed_mm_s: Physical | None
    engrave_speed_mm_s: Physical | None
    engrave_interval_mm: Physical
    default_thickness: Text
    thicknesses: Mapping[str, SheetThickness]

    @model_validator(mode="after")
    def _thicknesses_are_numbers(self) -> Self:
        for name in self.thicknesses:
            plain = re.fullmatch(r"[1-9]\d?|\d{1,2}\.\d?[1-9]", name)
            if not plain:
                raise ValueError(f'thicknesses.{name[:20]}: must be millimetres written shortest, such as "3" or "1.5"')
        if self.default_thickness not in self.thicknesses:
            raise ValueError(f"default_thickness: {self.default_thickness[:20]!r} is not one of the thicknesses")
        return self


class InfillRange(Message):
    """The infill a customer may choose, in percent."""

    least_percent: Annotated[int, Field(strict=True, ge=0, le=100)]
    most_percent: Annotated[int, Field(strict=True, ge=0, le=100)]
    default_percent: Annotated[int, Field(strict=True, ge=0, le=100)]

    @model_validator(mode="after")
    def _default_is_allowed(self) -> Self:
        if not self.least_percent <= self.default_percent <= self.most_percent:
            raise ValueError("default_percent must lie between least_percent and most_percent")
        return self


class ProcessRates(Message):
    """What every process charges; rates are those of the tier with factor 1."""

    title: Text
    setup_minor: RateByCurrency
    machine_hour_minor: RateByCurrency
    labour_hour_minor: RateByCurrency
    machine_hours_per_day: Annotated[int, Field(strict=True, ge=1, le=24)]
    finishing_title: Text
    finishing_min_per_piece: NotNegative


class PrintProcess(ProcessRates):
    """Parts built in layers. On a machine that `shares_plate`, a plate takes as long for many pieces as for one."""

    kind: Literal["print"]
    support_removal_min_per_g: NotNegative
    infill: InfillRange | None
    shares_plate: bool
    spacing_mm: Physical
    machines: Annotated[tuple[PrintMachine, ...], Field(min_length=1)]
    materials: Mapping[str, PrintMaterial]


class SheetProcess(ProcessRates):
    """Parts cut out of sheets: `margin_mm` around every part, `sheet_edge_mm` around every sheet stay unused."""

    kind: Literal["sheet"]
    margin_mm: Physical
    sheet_edge_mm: Annotated[float, Field(strict=True, ge=0, le=100, allow_inf_nan=False)]
    machines: Annotated[tuple[SheetMachine, ...], Field(min_length=1)]
    materials: Mapping[str, SheetMaterial]


Process = Annotated[PrintProcess | SheetProcess, Field(discriminator="kind")]


class Tariff(Message):
    """A price list; any change of a number takes a new version."""

    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
    basis: Text
    currencies: Annotated[Mapping[Currency, CurrencyRules], Field(min_length=1)]
    tiers: Annotated[Mapping[str, Tier], Field(min_length=1)]
    default_tier: Text
    quantity_breaks: tuple[QuantityDiscount, ...]
    lead_times: Mapping[LeadTime, LeadTimeRule]
    largest_quantity: Count
    longest_lead_days: Days
    processes: Annotated[Mapping[str, Process], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.default_tier not in self.tiers:
            raise ValueError("default_tier: is not one of the tiers")
        missing = [lead_time.value for lead_time in LeadTime if lead_time not in self.lead_times]
        if missing:
            raise ValueError(f"lead_times: lacks {', '.join(missing)}")
        starts = [step.from_quantity for step in self.quantity_breaks]
        shares = [step.percent_off for step in self.quantity_breaks]
        if starts != sorted(set(starts)) or shares != sorted(shares):
            raise ValueError("quantity_breaks: quantities must rise, and percents must not fall")
        for currency, rules in self.currencies.items():
            least = step_minor(currency)
            if rules.rounding_step_minor % least:
                where = f"currencies.{currency}.rounding_step_minor"
                raise ValueError(f"{where}: must be a multiple of {least}, or cards can't carry the total")
        for path, rates in _rate_tables(self, ""):
            wrong = sorted(set(self.currencies) ^ set(rates))
            if wrong:
                raise ValueError(f"{path}: must have every currency of the tariff and no other; check {wrong[0]!r}")
        for name, process in self.processes.items():
            _check_names(name, process)
        return self


def _check_names(name: str, process: PrintProcess | SheetProcess) -> None:
    """Names are written as requests are read, and machines take materials that exist."""
    path = f"processes.{name[:40]}"
    if not PROCESS_NAME.fullmatch(name):
        raise ValueError(f"{path}: the name of a process is in small letters")
    if not process.materials:
        raise ValueError(f"{path}.materials: lists none")
    for material in process.materials:
        if not MATERIAL_NAME.fullmatch(material):
            raise ValueError(f"{path}.materials.{material[:40]}: the name of a material is in capital letters")
        if not any(material in machine.materials for machine in process.machines):
            raise ValueError(f"{path}.materials.{material}: no machine takes it")
    for machine in process.machines:
        strange = [material for material in machine.materials if material not in process.materials]
        if strange:
            raise ValueError(f"{path}.machines: {machine.name!r} takes {strange[0][:40]!r}, which is no material here")


def _rate_tables(model: BaseModel, path: str) -> Iterator[tuple[str, Mapping[str, int]]]:
    """Every `…_minor` table below a model with its path."""
    for name in type(model).model_fields:
        value: object = getattr(model, name)
        if not isinstance(value, Mapping):
            continue
        here = f"{path}.{name}" if path else name
        if name.endswith("_minor"):
            yield here, cast("Mapping[str, int]", value)
            continue
        for key, child in cast("Mapping[str, object]", value).items():
            if isinstance(child, BaseModel):
                yield from _rate_tables(child, f"{here}.{key}")


def parse_tariff(document: bytes) -> Tariff:
    """A price list from its JSON document, checked as a whole.

    Raises `TariffError` naming the first field that is missing, unknown or out of bounds.
    """
    if len(document) > LARGEST_DOCUMENT_BYTES:
        raise TariffError("tariff", f"is {len(document)} bytes long; a price list has at most {LARGEST_DOCUMENT_BYTES}")
    try:
        content: object = json.loads(document, object_pairs_hook=_no_twins, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise TariffError("tariff", f"is not a JSON document: {error}") from None
    try:
        return Tariff.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        # A discriminated union puts its tag into the path, where the document has no such level.
        steps = [str(step) for step in first["loc"] if step not in {"print", "sheet"}]
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "value_error" and ": " in message and not steps:
            field, _, detail = message.partition(": ")
            raise TariffError(field, detail) from None
        raise TariffError(".".join(steps) or "tariff", message) from None


def _no_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{key[:40]!r} is given twice")
        found[key] = value
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def tariff_document(version: str = CURRENT_TARIFF_VERSION) -> bytes:
    """A published price list as its JSON document; raises `TariffError` for a version there is none of."""
    file = resources.files("fulfil.quoting.prices").joinpath("data").joinpath(f"tariff-{version}.json")
    if not re.fullmatch(r"[0-9]{4}-[0-9]{1,3}", version) or not file.is_file():
        raise TariffError("version", f"there is no price list {version[:40]!r}")
    return file.read_bytes()


@cache
def load_tariff(version: str = CURRENT_TARIFF_VERSION) -> Tariff:
    """A published price list, read; raises `TariffError` for a version there is none of."""
    tariff = parse_tariff(tariff_document(version))
    if tariff.version != version:
        raise TariffError("version", f"the price list {version} calls itself {tariff.version}")
    return tariff
