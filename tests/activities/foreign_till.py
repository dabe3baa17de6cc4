"""A till that sells in one currency, at what the price list says."""

from dataclasses import dataclass

from fulfil.ledger import accounts, entries
from fulfil.ledger.checks import check_books
from fulfil.ledger.posting import post
from fulfil.models.ids import new_id
from fulfil.models.messages.orders import OrderPlaced
from fulfil.models.messages.prices import LeadTime, PricedQuote
from fulfil.models.messages.reconciliation import Finding
from fulfil.quoting.prices.pricing import price_quote
from tests.activities.till import Till
from tests.quoting.prices.samples import TARIFF, price, terms


def quoted(currency: str, quantity: int) -> PricedQuote:
    """Some printed pieces, by today's price list."""
    return price_quote([price(terms(quantity=quantity, currency=currency))], TARIFF, currency, LeadTime.STANDARD)


@dataclass
class ForeignTill(Till):
    """Orders in `currency`."""

    currency: str = "usd"

    @classmethod
    def of(cls, till: Till, currency: str) -> "ForeignTill":
        """The same shop, selling in a currency."""
        return cls(till.shop, till.gateway, till.admin, currency)

    async def place(self, *, total_minor: int = 10_000, material_g: int = 100) -> OrderPlaced:
        """An order awaiting payment, of a quote in the currency."""
        start = await self.shop.add_quote(total_minor=total_minor, currency=self.currency, material_g=material_g)
        return await self.payments.place_order(start)

    async def owed(self, provider_id: str, amount_minor: int) -> None:
        """The provider owes the platform from an order of before, in the currency."""
        async with self.shop.worker.begin() as session:
            await post(
                session,
                entries.entry("owed", (accounts.receivable(provider_id), amount_minor), (accounts.LOSS, -amount_minor)),
                business_key=new_id("owed"),
                order_id=None,
                effective_at=self.shop.clock(),
                currency=self.currency,
            )

    async def findings(self) -> list[Finding]:
        """What is wrong with the books of all orders."""
        async with self.shop.worker.begin() as session:
            return await check_books(session, self.shop.clock())

    async def postings(self, order_id: str) -> list[tuple[str, str, int, str]]:
        """Kind, account without names, amount and currency of every posting, as they were written."""
        rows = await self.shop.sql(
            "SELECT t.kind, p.account, p.amount_minor, p.currency FROM ledger_postings p JOIN ledger_transactions t "
            "ON t.id = p.transaction_id WHERE t.order_id = :id ORDER BY t.id, p.id",
            id=order_id,
        )
        return [(row.kind, _short(row.account), row.amount_minor, row.currency) for row in rows]


def _short(account: str) -> str:
    """`held` of `liability:held:{order}`, `stripe` of either balance there."""
    parts = account.split(":")
    return "stripe" if parts[1] == "stripe" else parts[1]
