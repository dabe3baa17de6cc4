"""Stripe through its official SDK: every call one request under an explicit idempotency key, every answer typed."""

from fulfil.gateways.stripe.accounts import AccountCalls
from fulfil.gateways.stripe.balance import BalanceCalls
from fulfil.gateways.stripe.customers import CustomerCalls
from fulfil.gateways.stripe.disputes import DisputeCalls
from fulfil.gateways.stripe.events import EventCalls
from fulfil.gateways.stripe.payments import PaymentCalls
from fulfil.gateways.stripe.refunds import RefundCalls
from fulfil.gateways.stripe.transfers import TransferCalls


class StripeGateway(
    PaymentCalls, RefundCalls, TransferCalls, CustomerCalls, AccountCalls, DisputeCalls, BalanceCalls, EventCalls
):
    """Everything the house asks of Stripe; amounts are in our minor units, whatever Stripe counts in.

    Every method raises `StripeUnavailableError` (try again with the same key), `StripeRefusedError` (final) or
    `StripeMisconfiguredError` (credentials or key scheme: a person must look); those that charge a card also
    raise `CardDeclinedError`.
    """
