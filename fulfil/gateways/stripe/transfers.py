"""Transfers: the platform's money moved to a provider's account, and taken back."""

from collections.abc import AsyncIterator, Awaitable, Mapping

import stripe
from stripe.params import (
    TransferCreateParams,
    TransferListParams,
    TransferReversalCreateParams,
    TransferReversalListParams,
)

from fulfil.gateways.stripe.amounts import to_stripe
from fulfil.gateways.stripe.base import PAGE_SIZE, StripeCalls
from fulfil.gateways.stripe.facts import ReversalFacts, TransferFacts
from fulfil.gateways.stripe.reading import MOVE_EXPANSION, reversal_facts, transfer_facts

LIST_EXPANSION = [f"data.{name}" for name in MOVE_EXPANSION]


class TransferCalls(StripeCalls):
    """One transfer per released job, drawn on the charge that paid for it."""

    async def create_transfer(
        self,
        *,
        order_id: str,
        amount_minor: int,
        currency: str,
        destination: str,
        source_charge_id: str | None,
        idempotency_key: str,
        metadata: Mapping[str, str],
    ) -> TransferFacts:
        """Pay a connected account out of a captured charge, even while its funds are still pending.

        Without a charge it is paid from what is available. Raises `StripeRefusedError` with code `balance_insufficient`
        when that is too little.
        """
        params: TransferCreateParams = {
            "amount": to_stripe(amount_minor, currency),
            "currency": currency,
            "destination": destination,
            "transfer_group": order_id,
            "metadata": {**metadata, "order_id": order_id, "key": idempotency_key},
            "expand": MOVE_EXPANSION,
        }
        if source_charge_id is not None:
            params["source_transaction"] = source_charge_id

        def send(key: str) -> Awaitable[stripe.Transfer]:
            return self._client.v1.transfers.create_async(params, {"idempotency_key": key})

        async def find() -> stripe.Transfer | None:
            return await self._find_marked(self._transfers_of(order_id), idempotency_key)

        return transfer_facts(await self._effect(idempotency_key, send, find))

    async def retrieve_transfer(self, transfer_id: str) -> TransferFacts:
        """The transfer as Stripe knows it now."""
        return transfer_facts(
            await self._call(self._client.v1.transfers.retrieve_async(transfer_id, {"expand": MOVE_EXPANSION}))
        )

    async def find_transfer(self, order_id: str, *, idempotency_key: str) -> TransferFacts | None:
        """The transfer made under the key, also after Stripe has forgotten the key; None when there is none."""
        found = await self._find_marked(self._transfers_of(order_id), idempotency_key)
        return transfer_facts(found) if found is not None else None

    async def list_transfers(self, order_id: str) -> list[TransferFacts]:
        """Every transfer of an order, newest first."""
        return [transfer_facts(transfer) async for transfer in self._transfers_of(order_id)]

    async def reverse_transfer(
        self,
        transfer_id: str,
        *,
        amount_minor: int,
        order_id: str,
        refund_id: str,
        idempotency_key: str,
    ) -> ReversalFacts:
        """Take money back from a connected account; `amount_minor` is in the transfer's currency.

        Raises `StripeRefusedError` with code `balance_insufficient` when the account can't pay.
        """
        transfer = await self._call(self._client.v1.transfers.retrieve_async(transfer_id))
        params: TransferReversalCreateParams = {
            "amount": to_stripe(amount_minor, transfer.currency),
            "metadata": {"order_id": order_id, "refund_id": refund_id, "key": idempotency_key},
            "expand": MOVE_EXPANSION,
        }

        def send(key: str) -> Awaitable[stripe.TransferReversal]:
            return self._client.v1.transfers.reversals.create_async(transfer_id, params, {"idempotency_key": key})

        async def find() -> stripe.TransferReversal | None:
            return await self._find_marked(self._reversals_of(transfer_id), idempotency_key)

        return reversal_facts(await self._effect(idempotency_key, send, find))

    async def find_reversal(self, transfer_id: str, *, idempotency_key: str) -> ReversalFacts | None:
        """The reversal made under the key, also after Stripe has forgotten the key; None when there is none."""
        found = await self._find_marked(self._reversals_of(transfer_id), idempotency_key)
        return reversal_facts(found) if found is not None else None

    async def list_reversals(self, transfer_id: str) -> list[ReversalFacts]:
        """Every reversal of a transfer, newest first."""
        return [reversal_facts(reversal) async for reversal in self._reversals_of(transfer_id)]

    def _reversals_of(self, transfer_id: str) -> AsyncIterator[stripe.TransferReversal]:
        def page(after: str | None) -> Awaitable[stripe.ListObject[stripe.TransferReversal]]:
            query: TransferReversalListParams = {"limit": PAGE_SIZE, "expand": LIST_EXPANSION}
            if after:
                query["starting_after"] = after
            return self._client.v1.transfers.reversals.list_async(transfer_id, query)

        return self._pages(page)

    def _transfers_of(self, order_id: str) -> AsyncIterator[stripe.Transfer]:
        def page(after: str | None) -> Awaitable[stripe.ListObject[stripe.Transfer]]:
            query: TransferListParams = {"transfer_group": order_id, "limit": PAGE_SIZE, "expand": LIST_EXPANSION}
            if after:
                query["starting_after"] = after
            return self._client.v1.transfers.list_async(query)

        return self._pages(page)
