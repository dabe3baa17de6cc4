"""Stripe through its official SDK: every call one request under an explicit idempotency key, every answer typed."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import stripe
from stripe.params import PaymentIntentConfirmParams, RefundCreateParams, TransferCreateParams
from stripe.params.v2.core import AccountCreateParams

from fulfil.gateways.stripe_errors import (
    CardDeclinedError,
    StripeMisconfiguredError,
    StripeRefusedError,
    StripeStoredFailureError,
    StripeUnavailableError,
    translated,
)
from fulfil.gateways.stripe_facts import (
    PaymentIntentFacts,
    RefundFacts,
    TransferFacts,
    payment_intent_facts,
    refund_facts,
    transfer_facts,
)
from fulfil.gateways.stripe_webhooks import StripeEvent, WebhookSignatureError, read_stripe_event

__all__ = [
    "CardDeclinedError",
    "PaymentIntentFacts",
    "RefundFacts",
    "StripeEvent",
    "StripeGateway",
    "StripeMisconfiguredError",
    "StripeRefusedError",
    "StripeUnavailableError",
    "TransferFacts",
    "WebhookSignatureError",
    "read_stripe_event",
]

T = TypeVar("T")

# The SDK would otherwise write an identifier into the user's home and send timings of earlier requests.
stripe.enable_telemetry = False

WITH_FEE = ["latest_charge.balance_transaction"]
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
# A stored 5xx answers every retry of its key for a day. The keys that follow it end in `:after_500:{n}`, so that they
# never meet the numbered keys of callers; when this many failed, the fault is the other side's.
KEYS_PER_EFFECT = 5


class StripeGateway:
    """One attempt is one request: the SDK neither retries nor invents idempotency keys, the caller's policy retries.

    Every method raises `StripeUnavailableError` (try again with the same key), `StripeRefusedError` (final) or
    `StripeMisconfiguredError` (credentials or key scheme: a person must look); those that charge a card also
    raise `CardDeclinedError`.
    """

    def __init__(self, *, api_key: str, api_base: str = "", timeout_s: float = 20) -> None:
        self._timeout_s = timeout_s
        self._http = stripe.HTTPXClient(timeout=timeout_s)
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": api_base.rstrip("/")} if api_base else None,
            http_client=self._http,
            max_network_retries=0,
        )
        self._intents = self._client.v1.payment_intents

    async def close(self) -> None:
        """Return the connections."""
        close: Callable[[], Awaitable[None]] = self._http.close_async
        await close()

    async def create_payment_intent(
        self, *, order_id: str, amount_minor: int, currency: str, idempotency_key: str
    ) -> PaymentIntentFacts:
        """A card payment to be authorised now and captured later; it carries the order as group and metadata."""

        def send(key: str) -> Awaitable[stripe.PaymentIntent]:
            return self._intents.create_async(
                {
                    "amount": amount_minor,
                    "currency": currency,
                    "capture_method": "manual",
                    "allowed_payment_method_types": ["card"],
                    "transfer_group": order_id,
                    "metadata": {"order_id": order_id},
                    "expand": WITH_FEE,
                },
                {"idempotency_key": key},
            )

        async def find() -> stripe.PaymentIntent | None:
            recent = await self._call(self._intents.list_async({"limit": 100}))
            return next((intent for intent in recent.data if intent.transfer_group == order_id), None)

        return payment_intent_facts(await self._effect(idempotency_key, send, find))

    async def confirm_payment_intent(
        self, payment_intent_id: str, *, payment_method: str, return_url: str | None, idempotency_key: str
    ) -> PaymentIntentFacts:
        """Charge a tokenised card; each attempt of the customer needs a new key. Raises `CardDeclinedError`."""
        params: PaymentIntentConfirmParams = {"payment_method": payment_method, "expand": WITH_FEE}
        if return_url:
            params["return_url"] = return_url

        def send(key: str) -> Awaitable[stripe.PaymentIntent]:
            return self._intents.confirm_async(payment_intent_id, params, {"idempotency_key": key})

        async def find() -> stripe.PaymentIntent | None:
            intent = await self._read_intent(payment_intent_id)
            return None if intent.status in UNCONFIRMED else intent

        return payment_intent_facts(await self._effect(idempotency_key, send, find))

    async def retrieve_payment_intent(self, payment_intent_id: str) -> PaymentIntentFacts:
        """The payment as Stripe knows it now."""
        return payment_intent_facts(await self._read_intent(payment_intent_id))

    async def capture_payment_intent(self, payment_intent_id: str, *, idempotency_key: str) -> PaymentIntentFacts:
        """Take the whole authorised amount; when that is not possible (any more), the truth: read `status`."""

        def send(key: str) -> Awaitable[stripe.PaymentIntent]:
            return self._intents.capture_async(payment_intent_id, {"expand": WITH_FEE}, {"idempotency_key": key})

        return await self._move(payment_intent_id, "requires_capture", idempotency_key, send)

    async def cancel_payment_intent(self, payment_intent_id: str, *, idempotency_key: str) -> PaymentIntentFacts:
        """Void what is authorised or unpaid; when it was captured in the meantime, the truth: read `status`."""

        def send(key: str) -> Awaitable[stripe.PaymentIntent]:
            return self._intents.cancel_async(payment_intent_id, {"expand": WITH_FEE}, {"idempotency_key": key})

        return await self._move(payment_intent_id, None, idempotency_key, send)

    async def create_refund(
        self, payment_intent_id: str, *, order_id: str, amount_minor: int, idempotency_key: str
    ) -> RefundFacts:
        """Send money of a captured payment back; it counts once `status` is `succeeded`."""
        params: RefundCreateParams = {
            "payment_intent": payment_intent_id,
            "amount": amount_minor,
            "metadata": {"order_id": order_id, "key": idempotency_key},
        }

        async def find() -> stripe.Refund | None:
            listed = await self._call(
                self._client.v1.refunds.list_async({"payment_intent": payment_intent_id, "limit": 100})
            )
            return next((refund for refund in listed.data if _has_key(refund.metadata, idempotency_key)), None)

        refund = await self._effect(
            idempotency_key,
            lambda key: self._client.v1.refunds.create_async(params, {"idempotency_key": key}),
            find,
        )
        return refund_facts(refund)

    async def retrieve_refund(self, refund_id: str) -> RefundFacts:
        """The refund as Stripe knows it now."""
        return refund_facts(await self._call(self._client.v1.refunds.retrieve_async(refund_id)))

    async def create_transfer(
        self,
        *,
        order_id: str,
        amount_minor: int,
        currency: str,
        destination: str,
        source_charge_id: str,
        idempotency_key: str,
        metadata: Mapping[str, str],
    ) -> TransferFacts:
        """Pay a connected account out of a captured charge, even while its funds are still pending."""
        params: TransferCreateParams = {
            "amount": amount_minor,
            "currency": currency,
            "destination": destination,
            "source_transaction": source_charge_id,
            "transfer_group": order_id,
            "metadata": {**metadata, "order_id": order_id, "key": idempotency_key},
        }

        async def find() -> stripe.Transfer | None:
            listed = await self._call(self._client.v1.transfers.list_async({"transfer_group": order_id, "limit": 100}))
            return next((transfer for transfer in listed.data if _has_key(transfer.metadata, idempotency_key)), None)

        transfer = await self._effect(
            idempotency_key,
            lambda key: self._client.v1.transfers.create_async(params, {"idempotency_key": key}),
            find,
        )
        return transfer_facts(transfer)

    async def create_recipient_account(
        self,
        *,
        provider_id: str,
        name: str,
        idempotency_key: str,
        country: str = "de",
        contact_email: str | None = None,
    ) -> str:
        """A connected account (`acct_…`) that receives transfers; the platform bears its losses and fees."""
        params: AccountCreateParams = {
            "display_name": name,
            "dashboard": "express",
            "identity": {"country": country},
            "configuration": {
                "recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": {"requested": True}}}}
            },
            "defaults": {"responsibilities": {"fees_collector": "application", "losses_collector": "application"}},
            "metadata": {"provider_id": provider_id},
        }
        if contact_email:
            params["contact_email"] = contact_email
        account = await self._call(
            self._client.v2.core.accounts.create_async(params, {"idempotency_key": idempotency_key})
        )
        return account.id

    async def _read_intent(self, payment_intent_id: str) -> stripe.PaymentIntent:
        return await self._call(self._intents.retrieve_async(payment_intent_id, {"expand": WITH_FEE}))

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

    async def _effect(
        self, key: str, send: Callable[[str], Awaitable[T]], find: Callable[[], Awaitable[T | None]]
    ) -> T:
        """Send under the key; when Stripe stored a 5xx for it, look for the effect and only then take the next key."""
        keys = [key, *(f"{key}:after_500:{n}" for n in range(1, KEYS_PER_EFFECT))]
        for attempt in keys:
            try:
                return await self._call(send(attempt))
            except StripeStoredFailureError:
                found = await find()
                if found is not None:
                    return found
        raise StripeUnavailableError(f"Stripe stored a failure for every key of {key}")

    async def _call(self, request: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await request
        except TimeoutError as error:
            raise StripeUnavailableError(f"no answer from Stripe within {self._timeout_s} s") from error
        except stripe.StripeError as error:
            raise translated(error) from error


def _has_key(metadata: stripe.StripeObject | None, key: str) -> bool:
    return metadata is not None and "key" in metadata and metadata["key"] == key
