"""Payments: authorised on a card, on-session or off, then captured or voided."""

from collections.abc import Awaitable, Callable

import stripe
from stripe.params import PaymentIntentConfirmParams, PaymentIntentCreateParams, PaymentIntentListParams

from fulfil.gateways.stripe.amounts import to_stripe
from fulfil.gateways.stripe.base import PAGE_SIZE, StripeCalls
from fulfil.gateways.stripe.errors import StripeRefusedError
from fulfil.gateways.stripe.facts import PaymentIntentFacts
from fulfil.gateways.stripe.reading import PAYMENT_EXPANSION, payment_intent_facts, reference

UNCONFIRMED = frozenset(["requires_payment_method", "requires_confirmation"])
STATE_MOVED_ON = frozenset(
    [
        "payment_intent_unexpected_state",
        "charge_already_captured",
        "charge_already_refunded",
        "charge_expired_for_capture",
        "capture_charge_authorization_expired",
    ]
)


class PaymentCalls(StripeCalls):
    """A payment intent is the unit of one payment: a declined card leaves it open for the next attempt."""

    async def create_payment_intent(
        self,
        *,
        order_id: str,
        amount_minor: int,
        currency: str,
        idempotency_key: str,
        customer_id: str | None = None,
        save_card: bool = False,
        capture_later: bool = True,
    ) -> PaymentIntentFacts:
        """A card payment, authorised now and captured later unless told otherwise; group and metadata name the order.

        `customer_id` is Stripe's (`cus_…`); with `save_card` the card is kept for later charges of that customer.
        """
        params: PaymentIntentCreateParams = {
            "amount": to_stripe(amount_minor, currency),
            "currency": currency,
            "capture_method": "manual" if capture_later else "automatic",
            "allowed_payment_method_types": ["card"],
            "transfer_group": order_id,
            "metadata": {"order_id": order_id, "key": idempotency_key},
            "expand": PAYMENT_EXPANSION,
        }
        if customer_id:
            params["customer"] = customer_id
        if save_card:
            params["setup_future_usage"] = "off_session"

        def send(key: str) -> Awaitable[stripe.PaymentIntent]:
            return self._client.v1.payment_intents.create_async(params, {"idempotency_key": key})

        def page(after: str | None) -> Awaitable[stripe.ListObject[stripe.PaymentIntent]]:
            query: PaymentIntentListParams = {"limit": PAGE_SIZE}
            if customer_id:
                query["customer"] = customer_id
            if after:
                query["starting_after"] = after
            return self._client.v1.payment_intents.list_async(query)

        async def find() -> stripe.PaymentIntent | None:
            found = await self._find_marked(self._pages(page), idempotency_key)
            return await self._read_intent(found.id) if found else None

        return payment_intent_facts(await self._effect(idempotency_key, send, find))

    async def confirm_payment_intent(
        self,
        payment_intent_id: str,
        *,
        payment_method: str,
        return_url: str | None,
        idempotency_key: str,
        save_card: bool = False,
    ) -> PaymentIntentFacts:
        """Charge a tokenised card; each attempt of the customer needs a new key. Raises `CardDeclinedError`.

        With `save_card` the card is kept for later charges of the payment's customer.
        """
        params: PaymentIntentConfirmParams = {"payment_method": payment_method, "expand": PAYMENT_EXPANSION}
        if save_card:
            params["setup_future_usage"] = "off_session"
        if return_url:
            params["return_url"] = return_url
        return await self._confirm(payment_intent_id, params, idempotency_key)

    async def charge_saved_card(
        self, payment_intent_id: str, *, payment_method: str, idempotency_key: str
    ) -> PaymentIntentFacts:
        """Charge a card of the payment's customer while they are away; each attempt needs a new key.

        Raises `CardDeclinedError`; where the bank asks for the customer its decline `needs_authentication`, and the
        payment is open to be confirmed with the customer present.
        """
        params: PaymentIntentConfirmParams = {
            "payment_method": payment_method,
            "off_session": True,
            "error_on_requires_action": True,
            "expand": PAYMENT_EXPANSION,
        }
        return await self._confirm(payment_intent_id, params, idempotency_key)

    async def retrieve_payment_intent(self, payment_intent_id: str) -> PaymentIntentFacts:
        """The payment as Stripe knows it now."""
        return payment_intent_facts(await self._read_intent(payment_intent_id))

    async def capture_payment_intent(self, payment_intent_id: str, *, idempotency_key: str) -> PaymentIntentFacts:
        """Take the whole authorised amount; when that is not possible (any more), the truth: read `status`."""

        def send(key: str) -> Awaitable[stripe.PaymentIntent]:
            return self._client.v1.payment_intents.capture_async(
                payment_intent_id, {"expand": PAYMENT_EXPANSION}, {"idempotency_key": key}
            )

        return await self._move(payment_intent_id, "requires_capture", idempotency_key, send)

    async def cancel_payment_intent(self, payment_intent_id: str, *, idempotency_key: str) -> PaymentIntentFacts:
        """Void what is authorised or unpaid; when it was captured in the meantime, the truth: read `status`."""

        def send(key: str) -> Awaitable[stripe.PaymentIntent]:
            return self._client.v1.payment_intents.cancel_async(
                payment_intent_id, {"expand": PAYMENT_EXPANSION}, {"idempotency_key": key}
            )

        return await self._move(payment_intent_id, None, idempotency_key, send)

    async def _confirm(
        self, payment_intent_id: str, params: PaymentIntentConfirmParams, idempotency_key: str
    ) -> PaymentIntentFacts:
        def send(key: str) -> Awaitable[stripe.PaymentIntent]:
            return self._client.v1.payment_intents.confirm_async(payment_intent_id, params, {"idempotency_key": key})

        async def find() -> stripe.PaymentIntent | None:
            intent = await self._read_intent(payment_intent_id)
            return None if intent.status in UNCONFIRMED else intent

        return payment_intent_facts(await self._effect(idempotency_key, send, find))

    async def retrieve_charge_payment(self, charge_id: str) -> str | None:
        """The payment intent (`pi_…`) a charge belongs to."""
        charge = await self._call(self._client.v1.charges.retrieve_async(charge_id))
        return reference(charge.payment_intent)

    async def _read_intent(self, payment_intent_id: str) -> stripe.PaymentIntent:
        return await self._call(
            self._client.v1.payment_intents.retrieve_async(payment_intent_id, {"expand": PAYMENT_EXPANSION})
        )

    async def _move(
        self,
        payment_intent_id: str,
        from_status: str | None,
        key: str,
        send: Callable[[str], Awaitable[stripe.PaymentIntent]],
    ) -> PaymentIntentFacts:
        """Capture or cancel: both end in a state Stripe enters once, so the state itself tells what happened."""

        async def find() -> stripe.PaymentIntent | None:
            intent = await self._read_intent(payment_intent_id)
            done = intent.status in {"succeeded", "canceled"}
            return intent if done else None

        try:
            return payment_intent_facts(await self._effect(key, send, find))
        except StripeRefusedError as error:
            if error.code not in STATE_MOVED_ON:
                raise
            intent = await self._read_intent(payment_intent_id)
        if intent.status == from_status:
            # Asked too early once, the stored refusal would answer this key for a day; the state guards the effect.
            intent = await self._effect(f"{key}:again", send, find)
        return payment_intent_facts(intent)
