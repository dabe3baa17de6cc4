"""Reads Stripe's objects into facts."""

from datetime import UTC, datetime
from typing import Protocol

import stripe
from stripe.v2 import core

from fulfil.gateways.stripe.amounts import from_stripe
from fulfil.gateways.stripe.errors import optional_text
from fulfil.gateways.stripe.facts import (
    AccountFacts,
    BalanceEntry,
    BalanceFacts,
    Decline,
    DisputeFacts,
    OnboardingLink,
    PaymentIntentFacts,
    PayoutFacts,
    RefundFacts,
    ReversalFacts,
    SavedCard,
    SetupFacts,
    TransferFacts,
)

# What each reader needs to have been expanded.
PAYMENT_EXPANSION = ["latest_charge.balance_transaction"]
MOVE_EXPANSION = ["balance_transaction"]
RETURN_EXPANSION = ["balance_transaction", "failure_balance_transaction"]
ACTIVE = "active"
NOT_REQUESTED = "not_requested"


class Identified(Protocol):
    """An object with an id."""

    id: str


def payment_intent_facts(intent: stripe.PaymentIntent) -> PaymentIntentFacts:
    """Read a payment intent with `PAYMENT_EXPANSION`."""
    charge = intent.latest_charge
    held = charge if isinstance(charge, stripe.Charge) and charge.status != "failed" else None
    # Confirmed without a return_url there is no address to go to: the browser's SDK asks the customer instead.
    asked = intent.next_action if intent.next_action and "redirect_to_url" in intent.next_action else None
    redirect = asked.redirect_to_url if asked else None
    refusal = _refusal(intent.last_payment_error)
    return PaymentIntentFacts(
        id=intent.id,
        client_secret=intent.client_secret or "",
        status=intent.status,
        amount_minor=from_stripe(intent.amount, intent.currency),
        amount_capturable_minor=from_stripe(intent.amount_capturable, intent.currency),
        currency=intent.currency,
        customer_id=reference(intent.customer),
        charge_id=held.id if held else None,
        capture_before=_capture_before(held) if held else None,
        entry=_entry(held.balance_transaction) if held else None,
        next_action_url=redirect.url if redirect else None,
        refusal=refusal,
        decline_code=refusal.decline_code if refusal else None,
        order_id=optional_text(intent.metadata, "order_id"),
    )


def refund_facts(refund: stripe.Refund) -> RefundFacts:
    """Read a refund with `RETURN_EXPANSION`."""
    return RefundFacts(
        id=refund.id,
        status=refund.status or "pending",
        amount_minor=from_stripe(refund.amount, refund.currency),
        currency=refund.currency,
        payment_intent_id=reference(refund.payment_intent) or "",
        charge_id=reference(refund.charge) or "",
        failure_reason=optional_text(refund, "failure_reason"),
        refund_id=optional_text(refund.metadata, "refund_id"),
        entry=_entry(refund.balance_transaction),
        failure_entry=_entry(refund.failure_balance_transaction) if "failure_balance_transaction" in refund else None,
    )


def transfer_facts(transfer: stripe.Transfer) -> TransferFacts:
    """Read a transfer with `MOVE_EXPANSION`."""
    return TransferFacts(
        id=transfer.id,
        amount_minor=from_stripe(transfer.amount, transfer.currency),
        reversed_minor=from_stripe(transfer.amount_reversed, transfer.currency),
        currency=transfer.currency,
        destination=reference(transfer.destination) or "",
        order_id=optional_text(transfer.metadata, "order_id"),
        job_id=optional_text(transfer.metadata, "job_id"),
        entry=_entry(transfer.balance_transaction),
    )


def reversal_facts(reversal: stripe.TransferReversal) -> ReversalFacts:
    """Read a transfer reversal with `MOVE_EXPANSION`."""
    return ReversalFacts(
        id=reversal.id,
        transfer_id=reference(reversal.transfer) or "",
        amount_minor=from_stripe(reversal.amount, reversal.currency),
        currency=reversal.currency,
        entry=_entry(reversal.balance_transaction),
        key=optional_text(reversal.metadata, "key"),
    )


def dispute_facts(dispute: stripe.Dispute) -> DisputeFacts:
    """Read a dispute; the card network's date is 0 where no answer is possible."""
    details = dispute.evidence_details
    return DisputeFacts(
        id=dispute.id,
        status=dispute.status,
        reason=dispute.reason,
        amount_minor=from_stripe(dispute.amount, dispute.currency),
        currency=dispute.currency,
        charge_id=reference(dispute.charge) or "",
        payment_intent_id=reference(dispute.payment_intent),
        is_charge_refundable=dispute.is_charge_refundable,
        evidence_due_at=_time(details.due_by) if details.due_by else None,
        submission_count=details.submission_count,
        has_evidence=details.has_evidence,
        entries=tuple(balance_entry(entry) for entry in dispute.balance_transactions),
    )


def payout_facts(payout: stripe.Payout) -> PayoutFacts:
    """Read a payout with `RETURN_EXPANSION`."""
    return PayoutFacts(
        id=payout.id,
        status=payout.status,
        amount_minor=from_stripe(payout.amount, payout.currency),
        currency=payout.currency,
        arrives_at=_time(payout.arrival_date),
        entry=_entry(payout.balance_transaction),
        failure_entry=_entry(payout.failure_balance_transaction),
        failure_code=payout.failure_code,
    )


def balance_entry(entry: stripe.BalanceTransaction) -> BalanceEntry:
    """Read a balance transaction."""
    return BalanceEntry(
        id=entry.id,
        type=entry.type,
        source_id=reference(entry.source),
        amount_minor=from_stripe(entry.amount, entry.currency),
        fee_minor=from_stripe(entry.fee, entry.currency),
        net_minor=from_stripe(entry.net, entry.currency),
        currency=entry.currency,
        is_pending=entry.status == "pending",
        available_on=_time(entry.available_on),
        created_at=_time(entry.created),
    )


def balance_facts(balance: stripe.Balance) -> list[BalanceFacts]:
    """Read the balance, one line per currency, in their order."""
    pending = {part.currency: part.amount for part in balance.pending}
    available = {part.currency: part.amount for part in balance.available}
    return [
        BalanceFacts(
            currency=currency,
            pending_minor=from_stripe(pending.get(currency, 0), currency),
            available_minor=from_stripe(available.get(currency, 0), currency),
        )
        for currency in sorted(pending.keys() | available.keys())
    ]


def account_facts(account: core.Account) -> AccountFacts:
    """Read a connected account that includes its recipient configuration and requirements."""
    status = _transfers_status(account)
    closed = bool(account.closed) if "closed" in account else False
    requirements = account.requirements if "requirements" in account else None
    entries = requirements.entries if requirements and "entries" in requirements else None
    return AccountFacts(
        id=account.id,
        can_receive_transfers=status == ACTIVE and not closed,
        transfers_status=status,
        due=tuple(entry.description for entry in entries or [] if entry.awaiting_action_from == "user"),
        closed=closed,
    )


def onboarding_link(link: core.AccountLink) -> OnboardingLink:
    """Read an account link."""
    return OnboardingLink(url=link.url, expires_at=datetime.fromisoformat(link.expires_at))


def saved_card(method: stripe.PaymentMethod) -> SavedCard | None:
    """Read a payment method that is a card."""
    card = method.card if "card" in method else None
    if card is None:
        return None
    return SavedCard(id=method.id, brand=card.brand, last4=card.last4, exp_month=card.exp_month, exp_year=card.exp_year)


def setup_facts(setup: stripe.SetupIntent) -> SetupFacts:
    """Read a setup intent."""
    return SetupFacts(
        id=setup.id,
        client_secret=setup.client_secret or "",
        status=setup.status,
        payment_method_id=reference(setup.payment_method),
    )


def reference(target: str | Identified | None) -> str | None:
    """The id behind a reference, expanded or not."""
    return target if target is None or isinstance(target, str) else target.id


def _entry(entry: str | stripe.BalanceTransaction | None) -> BalanceEntry | None:
    return balance_entry(entry) if isinstance(entry, stripe.BalanceTransaction) else None


def _transfers_status(account: core.Account) -> str:
    """The capability to receive transfers; whatever was not configured is null, or absent."""
    configuration = account.configuration if "configuration" in account else None
    recipient = configuration.recipient if configuration and "recipient" in configuration else None
    capabilities = recipient.capabilities if recipient and "capabilities" in recipient else None
    balance = capabilities.stripe_balance if capabilities and "stripe_balance" in capabilities else None
    transfers = balance.stripe_transfers if balance and "stripe_transfers" in balance else None
    return transfers.status if transfers else NOT_REQUESTED


def _capture_before(charge: stripe.Charge) -> datetime | None:
    details = charge.payment_method_details
    card = details.card if details and "card" in details else None
    until = card.capture_before if card and "capture_before" in card else None
    return _time(until) if until else None


def _refusal(error: stripe.PaymentIntent.LastPaymentError | None) -> Decline | None:
    if error is None:
        return None
    code = optional_text(error, "code") or "card_declined"
    return Decline(
        code=code,
        decline_code=optional_text(error, "decline_code") or code,
        advice_code=optional_text(error, "advice_code"),
        message=optional_text(error, "message") or "",
    )


def _time(epoch_s: int) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)
