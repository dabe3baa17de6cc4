"""The files that an order line covers: those of its quote that have a price, in their order."""

from typing import Any

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.orm import InstrumentedAttribute

from fulfil.api.schemas.jobs import WorkFile
from fulfil.models.messages.quotes import QuoteStatus
from fulfil.models.tables.quotes import FileRow, QuoteItemRow

FilesColumn = ScalarSelect[list[dict[str, Any]]]


def files_of_quote(quote_id: InstrumentedAttribute[str]) -> FilesColumn:
    """A column for a query that has the quote's id: what `represent_files` takes."""
    one = func.jsonb_build_object(
        *("file_id", QuoteItemRow.file_id, "name", FileRow.name, "quantity", QuoteItemRow.quantity)
    )
    files: ScalarSelect[list[dict[str, Any]]] = (
        select(func.jsonb_agg(aggregate_order_by(one, QuoteItemRow.position), type_=JSONB))
        .join(FileRow, FileRow.id == QuoteItemRow.file_id)
        .where(QuoteItemRow.quote_id == quote_id, QuoteItemRow.status != QuoteStatus.REFUSED)
        .correlate_except(QuoteItemRow, FileRow)
        .scalar_subquery()
    )
    return files


def represent_files(files: list[dict[str, Any]]) -> list[WorkFile]:
    """The column as the API shows it."""
    return [WorkFile.model_validate(file) for file in files]
