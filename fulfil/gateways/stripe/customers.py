"""Customers and the cards they agreed to be charged later; Stripe learns no name or address from us."""

from collections.abc import AsyncIterator, Awaitable

import stripe
from stripe.params import (
    CustomerListParams,
    CustomerPaymentMethodListParams,
    SetupIntentCreateParams,
    SetupIntentListParams,
)

from fulfil.gateways.stripe.base import PAGE_SIZE, RESOURCE_MISSING, StripeCalls
from fulfil.gateways.stripe.errors import StripeRefusedError
from fulfil.gateways.stripe.facts import SavedCard, SetupFacts
from fulfil.gateways.stripe.reading import reference, saved_card, setup_facts


class CustomerCalls(StripeCalls):
    """A customer of ours (`customer_id`) is a customer of Stripe's (`cus_…`) once a card is to be saved."""

    async def create_customer(self, *, customer_id: str, idempotency_key: str) -> str:
        """A customer (`cus_…`) that carries our id."""

        def send(key: str) -> Awaitable[stripe.Customer]:
            return self._client.v1.customers.create_async(
                {"metadata": {"customer_id": customer_id, "key": idempotency_key}}, {"idempotency_key": key}
            )

        def page(after: str | None) -> Awaitable[stripe.ListObject[stripe.Customer]]:
            query: CustomerListParams = {"limit": PAGE_SIZE}
            if after:
                query["starting_after"] = after
            return self._client.v1.customers.list_async(query)

        async def find() -> stripe.Customer | None:
            return await self._find_marked(self._pages(page), idempotency_key)

        return (await self._effect(idempotency_key, send, find)).id

    async def delete_customer(self, stripe_customer_id: str) -> None:
        """Forget a customer and their cards; one who is gone already is no error."""
        try:
            await self._call(self._client.v1.customers.delete_async(stripe_customer_id))
        except StripeRefusedError as error:
            if error.code != RESOURCE_MISSING:
                raise

    async def create_setup_intent(self, *, stripe_customer_id: str, idempotency_key: str) -> SetupFacts:
        """Begin to save a card for charges while the customer is away; the browser finishes it."""
        params: SetupIntentCreateParams = {
            "customer": stripe_customer_id,
            "usage": "off_session",
            "allowed_payment_method_types": ["card"],
            "metadata": {"key": idempotency_key},
        }

        def send(key: str) -> Awaitable[stripe.SetupIntent]:
            return self._client.v1.setup_intents.create_async(params, {"idempotency_key": key})

        def page(after: str | None) -> Awaitable[stripe.ListObject[stripe.SetupIntent]]:
            query: SetupIntentListParams = {"customer": stripe_customer_id, "limit": PAGE_SIZE}
            if after:
                query["starting_after"] = after
            return self._client.v1.setup_intents.list_async(query)

        async def find() -> stripe.SetupIntent | None:
            return await self._find_marked(self._pages(page), idempotency_key)

        return setup_facts(await self._effect(idempotency_key, send, find))

    async def retrieve_setup_intent(self, setup_intent_id: str) -> SetupFacts:
        """The saving as Stripe knows it now."""
        return setup_facts(await self._call(self._client.v1.setup_intents.retrieve_async(setup_intent_id)))

    async def list_saved_cards(self, stripe_customer_id: str) -> list[SavedCard]:
        """The cards of a customer, newest first."""
        cards = [saved_card(method) async for method in self._methods_of(stripe_customer_id)]
        return [card for card in cards if card is not None]

    async def detach_card(self, payment_method_id: str, *, idempotency_key: str) -> None:
        """Forget a card for good; one that belongs to nobody (any more) is no error."""

        def send(key: str) -> Awaitable[stripe.PaymentMethod]:
            return self._client.v1.payment_methods.detach_async(payment_method_id, {}, {"idempotency_key": key})

        async def find() -> stripe.PaymentMethod | None:
            method = await self._call(self._client.v1.payment_methods.retrieve_async(payment_method_id))
            return None if method.customer else method

        try:
            await self._effect(idempotency_key, send, find)
        except StripeRefusedError:
            if await find() is None:
                raise

    async def retrieve_card_owner(self, payment_method_id: str) -> str | None:
        """The customer (`cus_…`) a card is saved for."""
        method = await self._call(self._client.v1.payment_methods.retrieve_async(payment_method_id))
        return reference(method.customer)

    def _methods_of(self, stripe_customer_id: str) -> AsyncIterator[stripe.PaymentMethod]:
        def page(after: str | None) -> Awaitable[stripe.ListObject[stripe.PaymentMethod]]:
            query: CustomerPaymentMethodListParams = {"type": "card", "limit": PAGE_SIZE}
            if after:
                query["starting_after"] = after
            return self._client.v1.customers.payment_methods.list_async(stripe_customer_id, query)

        return self._pages(page)
