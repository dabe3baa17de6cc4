"""The files that an order line covers: those of its quote that have a price, in their order."""

from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from fulfil.api.schemas.jobs import WorkFile
from fulfil.models.messages.quotes import QuoteStatus
from fulfil.models.tables.orders import OrderLineRow
from fulfil.models.tables.quotes import FileAnalysisRow, FileRow, QuoteItemRow

FilesColumn = ScalarSelect[list[dict[str, Any]]]


def files_of_line() -> FilesColumn:
    """A column for a query of order lines: what `represent_files` takes; null for a line that is no quote's."""
    solid, drawing = FileAnalysisRow.analysis["solid"], FileAnalysisRow.analysis["drawing"]
    priced = QuoteItemRow.priced
    one = func.jsonb_build_object(
        *("file_id", QuoteItemRow.file_id, "name", FileRow.name, "quantity", QuoteItemRow.quantity),
        *("unit", func.coalesce(solid["unit"]["unit"], drawing["unit"]["unit"])),
        *("size_mm", func.coalesce(solid["size_mm"], drawing["size_mm"])),
        *("infill_percent", priced["infill_percent"], "thickness_mm", priced["thickness_mm"]),
        *("groups", drawing["groups"], "accepted_risks", QuoteItemRow.accepted),
    )
    files: ScalarSelect[list[dict[str, Any]]] = (
        select(func.jsonb_agg(aggregate_order_by(one, QuoteItemRow.position), type_=JSONB))
        .join(FileRow, FileRow.id == QuoteItemRow.file_id)
        .outerjoin(FileAnalysisRow, FileAnalysisRow.id == QuoteItemRow.analysis_id)
        .where(
            QuoteItemRow.quote_id == OrderLineRow.quote_id,
            QuoteItemRow.status != QuoteStatus.REFUSED,
            made_by_line(),
        )
        .correlate_except(QuoteItemRow, FileRow, FileAnalysisRow)
        .scalar_subquery()
    )
    return files


def made_by_line() -> ColumnElement[bool]:
    """Whether a line makes an item of its quote; lines of before there were many make all of them."""
    return or_(
        OrderLineRow.positions.is_(None), OrderLineRow.positions.contains(func.jsonb_build_array(QuoteItemRow.position))
    )


def represent_files(files: list[dict[str, Any]] | None) -> list[WorkFile]:
    """The column as the API shows it."""
    return [_represent_file(dict(file)) for file in files or ()]


def _represent_file(file: dict[str, Any]) -> WorkFile:
    groups: list[dict[str, Any]] | None = file.pop("groups")
    operations = None if groups is None else {group["key"]: group["operation"] for group in groups}
    return WorkFile.model_validate({**file, "operations": operations})
