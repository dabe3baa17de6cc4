"""Books to check: some orders that are sound, and ways to do them harm."""

import pytest

from fulfil.cli.benches.ledger_books import sold, write
from fulfil.kit.database import Database
from tests.ledger.desk import Desk


@pytest.fixture
async def desk(owner_database: Database, worker_database: Database, api_database: Database) -> Desk:
    """Twelve orders in every stage that leaves traces, sound in every way."""
    books = sold(12)
    await write(owner_database.engine, books)
    return Desk(owner_database, worker_database, api_database, books)
