"""The limits findings are judged by: versioned data per process and material."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Annotated, Self, TypeVar

from pydantic import Field, model_validator

from fulfil.models.messages.base import Message
from fulfil.models.messages.findings import FindingCode, Severity

CURRENT_RULES_VERSION = "2026-1"
DEFAULT = "default"

Limit = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1)]


class SolidLimits(Message):
    """What a process makes of a material: below a `warning` it may fail, below a `risk` it probably does."""

    wall_risk_mm: Limit
    wall_warning_mm: Limit
    gap_risk_mm: Limit
    gap_warning_mm: Limit
    overhang_warning_share: Share  # of the whole surface
    overhang_risk_share: Share | None
    smallest_part_mm: Limit  # of the longest side
    hollow: Severity

    @model_validator(mode="after")
    def _risks_come_after_warnings(self) -> Self:
        if self.wall_risk_mm > self.wall_warning_mm or self.gap_risk_mm > self.gap_warning_mm:
            raise ValueError("a limit of risk lies above its warning")
        return self


class DrawingLimits(Message):
    """Smallest holes and webs in thicknesses of the sheet; no feature below `kerf_factor` widths of the cut."""

    hole_risk_thicknesses: Limit
    hole_warning_thicknesses: Limit
    web_risk_thicknesses: Limit
    web_warning_thicknesses: Limit
    kerf_factor: Limit
    smallest_part_mm: Limit

    @model_validator(mode="after")
    def _risks_come_after_warnings(self) -> Self:
        holes = self.hole_risk_thicknesses <= self.hole_warning_thicknesses
        if not (holes and self.web_risk_thicknesses <= self.web_warning_thicknesses):
            raise ValueError("a limit of risk lies above its warning")
        return self


Limits = TypeVar("Limits", SolidLimits, DrawingLimits)


class Rules(Message):
    """All limits, by process and material, and how much the findings without a limit matter."""

    version: str
    basis: str
    solids: Mapping[str, Mapping[str, SolidLimits]]
    drawings: Mapping[str, Mapping[str, DrawingLimits]]
    severities: Mapping[FindingCode, Severity]

    @model_validator(mode="after")
    def _has_defaults(self) -> Self:
        if DEFAULT not in self.solids.get(DEFAULT, {}) or DEFAULT not in self.drawings.get(DEFAULT, {}):
            raise ValueError("solids and drawings need default.default")
        return self

    def for_solid(self, process: str, material: str) -> SolidLimits:
        """The limits of a material, else of its process, else of any."""
        return _pick(self.solids, process, material)

    def for_drawing(self, process: str, material: str) -> DrawingLimits:
        """The limits of a material (without its thickness), else of its process, else of any."""
        return _pick(self.drawings, process, material)


def _pick(table: Mapping[str, Mapping[str, Limits]], process: str, material: str) -> Limits:
    rows = table.get(process, table[DEFAULT])
    return rows.get(material) or rows.get(DEFAULT) or table[DEFAULT][DEFAULT]


@cache
def load_rules(version: str = CURRENT_RULES_VERSION) -> Rules:
    """A published table of rules."""
    file = resources.files("fulfil.quoting.findings").joinpath("data").joinpath(f"rules-{version}.json")
    return Rules.model_validate_json(file.read_bytes())
