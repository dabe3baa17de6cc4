"""Quote items sliced for real: both numbers side by side, stored once."""

from contextlib import aclosing
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.analysing import AnalysisDesk
from fulfil.activities.quote_rows import wish_of
from fulfil.gateways.slicer import PrusaSlicer, SlicerError, SlicerReason, SlicerSettings
from fulfil.kit.isolation import Isolation
from fulfil.models.messages.estimates import Estimate
from fulfil.models.messages.quotes import ConfirmEstimate, EstimateConfirmed, Refusal
from fulfil.models.tables.quotes import EstimateConfirmationRow, QuoteItemRow
from fulfil.quoting.analysis import export_stl
from fulfil.quoting.estimates.confirmation import compare
from fulfil.quoting.prices.tariffs import load_tariff
from fulfil.quoting.prices.terms import PrintTerms, agree

# What the slicer's profile was made for; other materials would be compared with the wrong speeds.
SLICED_MATERIALS = ("PLA",)
PERCENT = 100


class Confirmer:
    """Has items sliced, where a slicer is installed."""

    def __init__(self, slicer: PrusaSlicer | None, isolation: Isolation, desk: AnalysisDesk) -> None:
        self._slicer = slicer
        self._isolation = isolation
        self._desk = desk

    async def confirm(self, row: QuoteItemRow, *, tariff_version: str, currency: str) -> EstimateConfirmed:
        """Both numbers, or why there are none; raises `SlicerError` when another try may help."""
        if self._slicer is None:
            return _refused("slicer_missing", "No slicer is installed where files are measured: the estimate stands.")
        terms = agree(wish_of(row).wish, currency, load_tariff(tariff_version))
        if row.estimate is None or not isinstance(terms, PrintTerms) or terms.infill_percent is None:
            return _refused("not_sliceable", "Only priced items of the process fdm can be sliced.")
        if terms.material_name not in SLICED_MATERIALS:
            known = " and ".join(SLICED_MATERIALS)
            return _refused("not_sliceable", f"The slicer's profile is for {known}, not for {terms.material_name}.")
        estimate = Estimate.model_validate(row.estimate, strict=False)
        settings = SlicerSettings(
            density_g_cm3=terms.material.density_g_cm3,
            infill=terms.infill_percent / PERCENT,
            support=any(part.code == "support" and part.mass_g > 0 for part in estimate.parts),
        )
        try:
            sliced = await self._slicer.slice(await self._mesh(row), settings)
        except SlicerError as error:
            if error.reason is SlicerReason.UNAVAILABLE:
                raise
            return _refused("slicer_failed", f"The slicer gave no numbers ({error.detail}): the estimate stands.")
        _, finding = compare(estimate, sliced)
        return EstimateConfirmed(
            slicer=sliced.version,
            estimated_g=estimate.mass_g,
            sliced_g=sliced.mass_g,
            estimated_s=estimate.time_s,
            sliced_s=sliced.time_s,
            finding=finding,
        )

    async def _mesh(self, row: QuoteItemRow) -> bytes:
        """The solid as an STL in mm, whatever it was uploaded as."""
        argument = wish_of(row).options.model_dump_json().encode()
        async with (
            self._desk.opened(row.file_sha256) as file,
            aclosing(self._isolation.frames(export_stl, file, argument)) as frames,
        ):
            return b"".join([frame async for frame in frames])


async def find_confirmation(session: AsyncSession, request: ConfirmEstimate) -> EstimateConfirmed | None:
    """What was found when this item was sliced, if it was."""
    row = await session.get(EstimateConfirmationRow, (request.quote_id, request.position))
    return None if row is None else EstimateConfirmed.model_validate(row.confirmation, strict=False)


async def store_confirmation(
    session: AsyncSession, request: ConfirmEstimate, confirmed: EstimateConfirmed, at: datetime
) -> None:
    """Keep it, unless another attempt was faster."""
    values = {
        "quote_id": request.quote_id,
        "position": request.position,
        "confirmation": confirmed.model_dump(mode="json"),
        "created_at": at,
    }
    await session.execute(insert(EstimateConfirmationRow).values(values).on_conflict_do_nothing())


def _refused(code: str, detail: str) -> EstimateConfirmed:
    return EstimateConfirmed(
        slicer="none",
        estimated_g=0,
        sliced_g=0,
        estimated_s=0,
        sliced_s=0,
        refusal=Refusal(code=code, detail=detail, param="position"),
    )
