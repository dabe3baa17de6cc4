"""A bookkeeper's desk for tests: sound books, the checks, and a hand that may write past every guard."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from fulfil.cli.benches.ledger_books import Books
from fulfil.kit.database import Database
from fulfil.ledger.checks import check_books, check_order
from fulfil.models.messages.reconciliation import Finding

NOW = datetime(2026, 11, 21, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=100)
JUST_NOW = NOW - timedelta(minutes=1)


@dataclass(frozen=True)
class Desk:
    """`owner` may do everything, `worker` what activities may, `api` only read."""

    owner: Database
    worker: Database
    api: Database
    books: Books

    @property
    def order_ids(self) -> list[str]:
        """Delivered, partly refunded, refunded late, called off, refunded late, and again."""
        return [str(row[0]) for row in self.books.rows["orders"]]

    async def forge(self, *statements: str, **parameters: object) -> None:
        """Write as nobody may: without triggers, guards and references."""
        async with self.owner.begin() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                await session.execute(text(statement), {**parameters})

    async def check(self, at: datetime = NOW, balances: list[tuple[str, int, int]] | None = None) -> list[Finding]:
        """All checks, as the API's role: reading must be enough."""
        async with self.api.begin() as session:
            return await check_books(session, at, balances=balances)

    async def check_order(self, order_id: str, at: datetime = NOW) -> list[Finding]:
        """The checks of one order."""
        async with self.api.begin() as session:
            return await check_order(session, order_id, at)

    async def number_of(self, order_id: str, kind: str) -> int:
        """The id of an order's transaction of a kind."""
        async with self.owner.begin() as session:
            found = await session.scalar(
                text("SELECT id FROM ledger_transactions WHERE order_id = :order_id AND kind = :kind"),
                {"order_id": order_id, "kind": kind},
            )
        assert found is not None
        return int(found)
