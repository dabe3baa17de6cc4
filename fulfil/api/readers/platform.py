"""Whether the database is there and up to date."""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.models import migrations


def newest_revision() -> str:
    """The revision this code wants, told by the names of the migrations."""
    versions = Path(migrations.__path__[0]) / "versions"
    return max(path.name.partition("_")[0] for path in versions.glob("[0-9]*_*.py"))


async def database_revision(session: AsyncSession) -> str:
    """The revision the database stands at."""
    return str(await session.scalar(text("SELECT version_num FROM alembic_version")))
