"""Files to firm quotes: measured in a child process, priced by the tariff of the day, stored once."""

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.dialects.postgresql import insert
from temporalio import activity

from fulfil.gateways.storage import ObjectMissingError, ObjectStorage
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.kit.isolation import Isolation, IsolationError
from fulfil.models.messages.quotes import Geometry, PreparedQuote, PrepareQuote, QuoteStatus
from fulfil.models.tables.quotes import QuoteRow
from fulfil.quoting.analysis import Analysis, analyse_file, geometry_of
from fulfil.quoting.geometry import ANALYSER_VERSION
from fulfil.quoting.pricing import PartRequest, PricedPart, agree_terms, price_part
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode, file_refusal
from fulfil.workflows.ports.quotes import QuoteActivities

# Loaded once by the isolation server, so that a call does not pay for importing them.
PRELOAD = ("fulfil.quoting.analysis",)
QUOTE_VALIDITY = timedelta(days=7)
REMEMBERED_FILES = 1_000


class AnalysisCache:
    """The latest analyses by file hash and analyser version: another material or quantity costs no second look."""

    def __init__(self, capacity: int = REMEMBERED_FILES) -> None:
        self._capacity = capacity
        self._analyses: OrderedDict[tuple[str, str], Analysis] = OrderedDict()

    def find(self, sha256: str) -> Analysis | None:
        """What this analyser found in the file, if it is remembered."""
        key = (sha256, ANALYSER_VERSION)
        analysis = self._analyses.get(key)
        if analysis is not None:
            self._analyses.move_to_end(key)
        return analysis

    def keep(self, sha256: str, analysis: Analysis) -> None:
        """Remember, and forget what was used least recently."""
        self._analyses[sha256, ANALYSER_VERSION] = analysis
        if len(self._analyses) > self._capacity:
            self._analyses.popitem(last=False)


class GeometryQuoteActivities(QuoteActivities):
    """Quotes by measured geometry; a refusal is an answer and leaves no row, trouble around it raises."""

    def __init__(
        self,
        *,
        database: Database,
        storage: ObjectStorage,
        isolation: Isolation,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._storage = storage
        self._isolation = isolation
        self._clock = clock
        self._analyses = AnalysisCache()

    @activity.defn
    async def prepare_quote(self, request: PrepareQuote) -> PreparedQuote:
        """Read the file in a child process, measure, price, store the quote."""
        stored = await self._find(request.quote_id)
        if stored is not None:
            return stored
        started = time.perf_counter()
        try:
            terms = agree_terms(
                PartRequest(
                    process=request.process,
                    material=request.material,
                    quantity=request.quantity,
                    currency=request.currency,
                )
            )
            geometry = geometry_of(await self._analyse(request.file_sha256))
            priced = price_part(geometry, terms)
        except QuotingRefusalError as refusal:
            return PreparedQuote(
                quote_id=request.quote_id,
                status=QuoteStatus.REFUSED,
                currency=request.currency,
                refusal_code=refusal.code.value,
                refusal_detail=refusal.detail,
                param=refusal.param,
            )
        elapsed_ms = round((time.perf_counter() - started) * 1000)
        return await self._store(request, geometry, priced, elapsed_ms)

    async def _analyse(self, sha256: str) -> Analysis:
        known = self._analyses.find(sha256)
        if known is not None:
            return known
        try:
            content = await self._storage.get(sha256)
        except ObjectMissingError as error:
            raise file_refusal(
                RefusalCode.FILE_MISSING, "The file's content is no longer stored. Upload the file again."
            ) from error
        try:
            answer = await self._isolation.run(analyse_file, content)
        except IsolationError as error:
            if not error.caused_by_content:
                raise
            raise file_refusal(
                RefusalCode.FILE_TOO_COMPLEX,
                f"The file could not be analysed within the limits ({error.detail}). Export it with a coarser "
                "tolerance or repair the mesh, and upload it again.",
            ) from error
        analysis = Analysis.model_validate_json(answer)
        self._analyses.keep(sha256, analysis)
        return analysis

    async def _find(self, quote_id: str) -> PreparedQuote | None:
        async with self._database.begin() as session:
            row = await session.get(QuoteRow, quote_id)
            return None if row is None else _prepared(row)

    async def _store(
        self, request: PrepareQuote, geometry: Geometry, priced: PricedPart, elapsed_ms: int
    ) -> PreparedQuote:
        """Insert unless another attempt was faster; either way the stored row is the answer."""
        now = self._clock()
        values = {
            "id": request.quote_id,
            "customer_id": request.customer_id,
            "file_id": request.file_id,
            "file_sha256": request.file_sha256,
            "status": QuoteStatus.FIRM.value,
            "process": priced.process,
            "material": priced.material,
            "quantity": priced.quantity,
            "geometry": geometry.model_dump(mode="json"),
            "lines": [line.model_dump(mode="json") for line in priced.lines],
            "material_g": priced.material_g,
            "lead_time_days": priced.lead_time_days,
            "total_minor": priced.total_minor,
            "currency": priced.currency,
            "analyser_version": ANALYSER_VERSION,
            "tariff_version": priced.tariff_version,
            "calculation_time_ms": elapsed_ms,
            "created_at": now,
            "expires_at": now + QUOTE_VALIDITY,
        }
        async with self._database.begin() as session:
            await session.execute(insert(QuoteRow).values(values).on_conflict_do_nothing(index_elements=["id"]))
            return _prepared(await session.get_one(QuoteRow, request.quote_id))


def _prepared(row: QuoteRow) -> PreparedQuote:
    return PreparedQuote(
        quote_id=row.id,
        status=QuoteStatus(row.status),
        total_minor=row.total_minor,
        currency=row.currency,
        expires_at=row.expires_at,
    )
