"""Refunds: a captured payment's money on its way back to the card."""

from collections.abc import AsyncIterator, Awaitable

import stripe
from stripe.params import RefundCreateParams, RefundListParams

from fulfil.gateways.stripe.amounts import to_stripe
from fulfil.gateways.stripe.base import PAGE_SIZE, StripeCalls
from fulfil.gateways.stripe.facts import RefundFacts, RefundReason
from fulfil.gateways.stripe.reading import RETURN_EXPANSION, refund_facts


class RefundCalls(StripeCalls):
    """A refund never touches a transfer: what a provider received is taken back by a reversal."""

    async def create_refund(
        self,
        payment_intent_id: str,
        *,
        order_id: str,
        refund_id: str,
        amount_minor: int,
        reason: RefundReason,
        idempotency_key: str,
    ) -> RefundFacts:
        """Send money of a captured payment back; it counts once `status` is `succeeded`, and may fail even then.

        `amount_minor` is in the payment's currency; `refund_id` is our own and comes back in the facts.
        """
        payment = await self._call(self._client.v1.payment_intents.retrieve_async(payment_intent_id))
        params: RefundCreateParams = {
            "payment_intent": payment_intent_id,
            "amount": to_stripe(amount_minor, payment.currency),
            "reason": reason,
            "metadata": {"order_id": order_id, "refund_id": refund_id, "key": idempotency_key},
            "expand": RETURN_EXPANSION,
        }

        def send(key: str) -> Awaitable[stripe.Refund]:
            return self._client.v1.refunds.create_async(params, {"idempotency_key": key})

        async def find() -> stripe.Refund | None:
            return await self._find_marked(self._refunds_of(payment_intent_id), idempotency_key)

        return refund_facts(await self._effect(idempotency_key, send, find))

    async def retrieve_refund(self, refund_id: str) -> RefundFacts:
        """The refund (`re_…`) as Stripe knows it now."""
        return refund_facts(
            await self._call(self._client.v1.refunds.retrieve_async(refund_id, {"expand": RETURN_EXPANSION}))
        )

    async def list_refunds(self, payment_intent_id: str) -> list[RefundFacts]:
        """Every refund of a payment, newest first."""
        return [refund_facts(refund) async for refund in self._refunds_of(payment_intent_id)]

    def _refunds_of(self, payment_intent_id: str) -> AsyncIterator[stripe.Refund]:
        def page(after: str | None) -> Awaitable[stripe.ListObject[stripe.Refund]]:
            query: RefundListParams = {
                "payment_intent": payment_intent_id,
                "limit": PAGE_SIZE,
                "expand": [f"data.{name}" for name in RETURN_EXPANSION],
            }
            if after:
                query["starting_after"] = after
            return self._client.v1.refunds.list_async(query)

        return self._pages(page)
