"""File rows; their content lies in object storage."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.models.tables.quotes import FileRow


async def write_file(
    session: AsyncSession,
    *,
    file_id: str,
    owner_id: str,
    sha256: str,
    name: str,
    file_format: str,
    size_bytes: int,
    at: datetime,
) -> FileRow:
    """Write the row of a stored file."""
    row = FileRow(
        id=file_id,
        owner_id=owner_id,
        sha256=sha256,
        name=name,
        format=file_format,
        size_bytes=size_bytes,
        created_at=at,
    )
    session.add(row)
    await session.flush()
    return row
