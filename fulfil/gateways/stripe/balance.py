"""The platform's balance: what is there, every entry that moved it, and what goes to the bank."""

from collections.abc import AsyncIterator, Awaitable
from datetime import datetime

import stripe
from stripe.params import BalanceTransactionListParams, PayoutCreateParams, PayoutListParams

from fulfil.gateways.stripe.amounts import to_stripe_payout
from fulfil.gateways.stripe.base import PAGE_SIZE, StripeCalls
from fulfil.gateways.stripe.facts import BalanceEntry, BalanceFacts, PayoutFacts
from fulfil.gateways.stripe.reading import RETURN_EXPANSION, balance_entry, balance_facts, payout_facts


class BalanceCalls(StripeCalls):
    """Each entry is one fact of the ledger."""

    async def retrieve_balance(self) -> list[BalanceFacts]:
        """The balance in each currency."""
        return balance_facts(await self._call(self._client.v1.balance.retrieve_async()))

    async def list_balance_entries(self, *, since: datetime) -> AsyncIterator[BalanceEntry]:
        """Every entry made at `since` or later, newest first."""

        def page(after: str | None) -> Awaitable[stripe.ListObject[stripe.BalanceTransaction]]:
            query: BalanceTransactionListParams = {"created": {"gte": int(since.timestamp())}, "limit": PAGE_SIZE}
            if after:
                query["starting_after"] = after
            return self._client.v1.balance_transactions.list_async(query)

        async for entry in self._pages(page):
            yield balance_entry(entry)

    async def retrieve_balance_entry(self, entry_id: str) -> BalanceEntry:
        """One entry (`txn_…`) as Stripe knows it now: a pending one becomes available."""
        return balance_entry(await self._call(self._client.v1.balance_transactions.retrieve_async(entry_id)))

    async def create_payout(self, *, amount_minor: int, currency: str, idempotency_key: str) -> PayoutFacts:
        """Send available money to the platform's bank; it may fail days after it was `paid`."""
        params: PayoutCreateParams = {
            "amount": to_stripe_payout(amount_minor, currency),
            "currency": currency,
            "metadata": {"key": idempotency_key},
            "expand": RETURN_EXPANSION,
        }

        def send(key: str) -> Awaitable[stripe.Payout]:
            return self._client.v1.payouts.create_async(params, {"idempotency_key": key})

        def page(after: str | None) -> Awaitable[stripe.ListObject[stripe.Payout]]:
            query: PayoutListParams = {"limit": PAGE_SIZE, "expand": [f"data.{name}" for name in RETURN_EXPANSION]}
            if after:
                query["starting_after"] = after
            return self._client.v1.payouts.list_async(query)

        async def find() -> stripe.Payout | None:
            return await self._find_marked(self._pages(page), idempotency_key)

        return payout_facts(await self._effect(idempotency_key, send, find))

    async def retrieve_payout(self, payout_id: str) -> PayoutFacts:
        """The payout as Stripe knows it now."""
        return payout_facts(
            await self._call(self._client.v1.payouts.retrieve_async(payout_id, {"expand": RETURN_EXPANSION}))
        )
