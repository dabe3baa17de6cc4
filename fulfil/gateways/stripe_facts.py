"""What the rest of the house may know of Stripe's objects."""

from dataclasses import dataclass

import stripe


@dataclass(frozen=True)
class PaymentIntentFacts:
    """A payment: `status` is Stripe's (`requires_payment_method` … `succeeded`), amounts in minor units.

    `charge_id` names the charge that holds or took the money, never a declined one; `fee_minor` and
    `balance_transaction_id` exist once captured; `next_action_url` is where the customer authenticates.
    """

    id: str
    client_secret: str
    status: str
    amount_minor: int
    currency: str
    charge_id: str | None
    fee_minor: int | None
    balance_transaction_id: str | None
    next_action_url: str | None
    decline_code: str | None
    order_id: str | None


@dataclass(frozen=True)
class RefundFacts:
    """A refund: `status` is `pending`, `requires_action`, `succeeded`, `failed` or `canceled`."""

    id: str
    status: str
    amount_minor: int
    currency: str
    payment_intent_id: str


@dataclass(frozen=True)
class TransferFacts:
    """Money moved to the connected account `destination`."""

    id: str
    amount_minor: int
    currency: str
    destination: str


def payment_intent_facts(intent: stripe.PaymentIntent) -> PaymentIntentFacts:
    """Read a payment intent whose `latest_charge.balance_transaction` was expanded."""
    charge = intent.latest_charge
    held = charge if isinstance(charge, stripe.Charge) and charge.status != "failed" else None
    transaction = held.balance_transaction if held else None
    fee = transaction if isinstance(transaction, stripe.BalanceTransaction) else None
    # Confirmed without a return_url there is no address to go to: the browser's SDK asks the customer instead.
    asked = intent.next_action if intent.next_action and "redirect_to_url" in intent.next_action.to_dict() else None
    redirect = asked.redirect_to_url if asked else None
    failure = intent.last_payment_error
    return PaymentIntentFacts(
        id=intent.id,
        client_secret=intent.client_secret or "",
        status=intent.status,
        amount_minor=intent.amount,
        currency=intent.currency,
        charge_id=held.id if held else None,
        fee_minor=fee.fee if fee else None,
        balance_transaction_id=fee.id if fee else None,
        next_action_url=redirect.url if redirect else None,
        decline_code=(_optional(failure, "decline_code") or _optional(failure, "code")) if failure else None,
        order_id=_optional(intent.metadata, "order_id"),
    )


def refund_facts(refund: stripe.Refund) -> RefundFacts:
    """Read a refund."""
    return RefundFacts(
        id=refund.id,
        status=refund.status or "pending",
        amount_minor=refund.amount,
        currency=refund.currency,
        payment_intent_id=_id(refund.payment_intent),
    )


def transfer_facts(transfer: stripe.Transfer) -> TransferFacts:
    """Read a transfer."""
    return TransferFacts(
        id=transfer.id,
        amount_minor=transfer.amount,
        currency=transfer.currency,
        destination=_id(transfer.destination),
    )


def _id(reference: str | stripe.PaymentIntent | stripe.Account | None) -> str:
    if reference is None or isinstance(reference, str):
        return reference or ""
    return reference.id


def _optional(part: stripe.StripeObject, name: str) -> str | None:
    """A field Stripe leaves out when it has nothing to say."""
    value: object = part.to_dict().get(name)
    return str(value) if value else None
