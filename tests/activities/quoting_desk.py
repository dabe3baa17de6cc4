"""A geometry worker's parts for tests: files in a folder, real children, rows in a real PostgreSQL."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from temporalio.testing import ActivityEnvironment

from fulfil.activities.quotes import GeometryQuoteActivities
from fulfil.gateways.slicer import PrusaSlicer
from fulfil.gateways.storage import ObjectStorage
from fulfil.kit.database import Database
from fulfil.kit.isolation import Isolation
from fulfil.models.ids import new_id
from fulfil.models.messages.quotes import AnalysisProgress, PreparedQuote, PrepareQuote
from fulfil.models.tables.quotes import FileAnalysisRow, FileRow, QuoteItemRow, QuoteRow

BRACKET = (Path(__file__).parents[2] / "docs/examples/bracket.stl").read_bytes()
NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
PLATE = b"""<svg xmlns="http://www.w3.org/2000/svg" width="80mm" height="50mm" viewBox="0 0 80 50">
<path d="M5 5H75V45H5Z" fill="none" stroke="#ff0000"/><circle cx="40" cy="25" r="5" fill="none" stroke="#ff0000"/>
</svg>"""


@dataclass
class QuotingDesk:
    """Uploads as the API does, asks as the API does, and looks into the tables."""

    owner: Database
    worker: Database
    storage: ObjectStorage
    isolation: Isolation
    folder: Path
    slicer: PrusaSlicer | None = None
    activities: GeometryQuoteActivities = field(init=False)

    def __post_init__(self) -> None:
        """A worker that remembers nothing yet."""
        self.activities = self.another_worker()

    def another_worker(self, isolation: Isolation | None = None) -> GeometryQuoteActivities:
        """One beside it, or after it."""
        return GeometryQuoteActivities(
            database=self.worker,
            storage=self.storage,
            isolation=isolation or self.isolation,
            slicer=self.slicer,
            clock=lambda: NOW,
        )

    async def upload(self, content: bytes = BRACKET, name: str = "part.stl") -> dict[str, str]:
        """A stored file, as an item names it."""
        sha256, file_id = await self.storage.put(content), new_id("fil")
        async with self.owner.begin() as session:
            session.add(
                FileRow(
                    id=file_id,
                    owner_id=new_id("cus"),
                    sha256=sha256,
                    name=name,
                    format=name.rpartition(".")[2],
                    size_bytes=len(content),
                    created_at=NOW,
                )
            )
        return {"file_id": file_id, "file_sha256": sha256}

    async def wish(self, content: bytes = BRACKET, **choices: Any) -> dict[str, Any]:
        """An item of a quote: its file, how it is to be made, and (`item=…`) what else the customer says of it."""
        item: dict[str, Any] = choices.pop("item", {})
        wish = {"process": "fdm", "material": "PLA", "quantity": 1} | choices
        return {**await self.upload(content), "wish": wish, **item}

    def request(self, *items: dict[str, Any], **choices: Any) -> PrepareQuote:
        """A quote of these items."""
        wanted = {"quote_id": new_id("quo"), "customer_id": new_id("cus"), "items": items, "currency": "eur"}
        return PrepareQuote.model_validate(wanted | choices)

    async def prepare(self, *items: dict[str, Any], **choices: Any) -> "Quoted":
        """The stored quote of these items."""
        request = self.request(*items, **choices)
        prepared = await run(self.activities.prepare_quote, request)
        return await self.quoted(prepared)

    async def quoted(self, prepared: PreparedQuote) -> "Quoted":
        """Its rows."""
        async with self.owner.begin() as session:
            row = await session.get_one(QuoteRow, prepared.quote_id)
            of_quote = select(QuoteItemRow).where(QuoteItemRow.quote_id == row.id).order_by(QuoteItemRow.position)
            return Quoted(prepared, row, list(await session.scalars(of_quote)))

    async def quotes(self) -> list[QuoteRow]:
        """Every stored quote."""
        async with self.owner.begin() as session:
            return list(await session.scalars(select(QuoteRow)))

    async def analyses(self) -> list[FileAnalysisRow]:
        """Every stored analysis."""
        async with self.owner.begin() as session:
            return list(await session.scalars(select(FileAnalysisRow)))


@dataclass(frozen=True)
class Quoted:
    """The answer and the rows."""

    answer: PreparedQuote
    quote: QuoteRow
    items: list[QuoteItemRow]

    @property
    def refusals(self) -> list[str | None]:
        """The code of each item's refusal."""
        return [None if item.refusal is None else item.refusal["code"] for item in self.items]


async def run(activity: Any, request: Any, beats: list[AnalysisProgress] | None = None) -> Any:
    """An activity's result; its heartbeats go to `beats`."""
    environment = ActivityEnvironment()
    if beats is not None:
        environment.on_heartbeat = beats.append
    return await environment.run(activity, request)
