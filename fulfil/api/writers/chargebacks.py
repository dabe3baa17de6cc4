"""What support adds to the evidence of a chargeback: kept here, so that no workflow carries its words."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.models.tables.payments import ChargebackStatementRow


async def keep_statement(
    session: AsyncSession, *, statement_id: str, chargeback_id: str, text: str, written_by: str, at: datetime
) -> None:
    """Write it once; a repeated request finds it written."""
    statement = insert(ChargebackStatementRow).values(
        id=statement_id, chargeback_id=chargeback_id, text=text, written_by=written_by, created_at=at
    )
    await session.execute(statement.on_conflict_do_nothing(index_elements=["id"]))
