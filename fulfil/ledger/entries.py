"""What each money fact posts: pure functions from amounts to balanced entries, one per kind of fact.

Amounts are minor units, positive; debit is positive in postings. The kinds with their source objects are the table of
docs/money.md. `pending` tells whether the provider's balance transaction is not yet available.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from fulfil.ledger import accounts


@dataclass(frozen=True)
class Entry:
    """One balanced transaction to be posted: `postings` is `{account: amount_minor}`, zeros left out."""

    kind: str
    postings: Mapping[str, int]


class UnbalancedEntryError(ValueError):
    """Postings that do not sum to zero, or fewer than two of them."""


def entry(kind: str, *legs: tuple[str, int]) -> Entry:
    """A balanced entry; legs of one account are added up. Raises `UnbalancedEntryError`."""
    postings: dict[str, int] = {}
    for account, amount in legs:
        postings[account] = postings.get(account, 0) + amount
    postings = {account: amount for account, amount in postings.items() if amount}
    if sum(postings.values()) != 0 or len(postings) < 2:  # noqa: PLR2004 (double entry)
        raise UnbalancedEntryError(f"{kind}: {dict(legs)}")
    return Entry(kind, postings)


def authorization(order_id: str, amount: int) -> Entry:
    """The customer's bank reserved the amount."""
    return entry("authorization", (accounts.authorized(order_id), amount), (accounts.AUTHORIZED_CONTRA, -amount))


def authorization_ended(order_id: str, amount: int) -> Entry:
    """The reservation ended: captured, given back or expired."""
    return entry("authorization_ended", (accounts.authorized(order_id), -amount), (accounts.AUTHORIZED_CONTRA, amount))


def charge(order_id: str, amount: int, *, pending: bool) -> Entry:
    """The customer's money was taken and is held for the order."""
    return entry("charge", (accounts.stripe_balance(pending=pending), amount), (accounts.held(order_id), -amount))


def stripe_fee(amount: int, *, pending: bool) -> Entry:
    """The provider of payments kept its fee; negative when it gives one back."""
    return entry("stripe_fee", (accounts.STRIPE_FEE, amount), (accounts.stripe_balance(pending=pending), -amount))


def funds_cleared(amount: int) -> Entry:
    """Pending money became available; negative when more was taken than came in."""
    return entry("funds_cleared", (accounts.STRIPE_AVAILABLE, amount), (accounts.STRIPE_PENDING, -amount))


def release(order_id: str, provider_id: str, *, provider: int, commission: int, tax: int) -> Entry:
    """Held money became the provider's share, our commission (net) and the tax on it."""
    return entry(
        "release",
        (accounts.held(order_id), provider + commission + tax),
        (accounts.payable(provider_id), -provider),
        (accounts.COMMISSION, -commission),
        (accounts.COMMISSION_TAX, -tax),
    )


def netting(provider_id: str, amount: int) -> Entry:
    """What the provider owed us was kept from her payout."""
    return entry("netting", (accounts.payable(provider_id), amount), (accounts.receivable(provider_id), -amount))


def transfer(provider_id: str, amount: int, *, pending: bool) -> Entry:
    """The provider was paid."""
    return entry(
        "transfer", (accounts.payable(provider_id), amount), (accounts.stripe_balance(pending=pending), -amount)
    )


def release_taken_back(order_id: str, provider_id: str, *, provider: int, commission: int, tax: int) -> Entry:
    """A release was undone for a refund: the provider owes her share, our commission is given up."""
    return entry(
        "release_taken_back",
        (accounts.receivable(provider_id), provider),
        (accounts.COMMISSION, commission),
        (accounts.COMMISSION_TAX, tax),
        (accounts.held(order_id), -(provider + commission + tax)),
    )


def release_restored(
    order_id: str, provider_id: str, *, settled: int, payable: int, commission: int, tax: int
) -> Entry:
    """What was taken back is released again: `settled` ends what the provider owes, `payable` is owed to her."""
    return entry(
        "release_restored",
        (accounts.held(order_id), settled + payable + commission + tax),
        (accounts.receivable(provider_id), -settled),
        (accounts.payable(provider_id), -payable),
        (accounts.COMMISSION, -commission),
        (accounts.COMMISSION_TAX, -tax),
    )


def transfer_reversed(provider_id: str, amount: int, *, pending: bool, surplus: int = 0) -> Entry:
    """Money came back from the provider's account; `surplus` of it she did not owe any more, and is owed it again."""
    return entry(
        "transfer_reversed",
        (accounts.stripe_balance(pending=pending), amount),
        (accounts.receivable(provider_id), surplus - amount),
        (accounts.payable(provider_id), -surplus),
    )


def goodwill(order_id: str, amount: int) -> Entry:
    """The platform adds its own money to what is held, for the customer; negative when it is spared after all."""
    return entry("goodwill", (accounts.GOODWILL, amount), (accounts.held(order_id), -amount))


def refund_decided(order_id: str, amount: int) -> Entry:
    """Held money is owed back to the customer."""
    return entry("refund_decided", (accounts.held(order_id), amount), (accounts.refund_due(order_id), -amount))


def refund_taken(order_id: str, amount: int, *, pending: bool) -> Entry:
    """The refund left our balance."""
    return entry(
        "refund_taken",
        (accounts.refunds_in_transit(order_id), amount),
        (accounts.stripe_balance(pending=pending), -amount),
    )


def refund_succeeded(order_id: str, amount: int) -> Entry:
    """The refund arrived."""
    return entry(
        "refund_succeeded", (accounts.refund_due(order_id), amount), (accounts.refunds_in_transit(order_id), -amount)
    )


def refund_returned(order_id: str, amount: int, *, pending: bool, had_succeeded: bool) -> Entry:
    """The refund came back to our balance; it is owed (again)."""
    owed = accounts.refund_due(order_id) if had_succeeded else accounts.refunds_in_transit(order_id)
    return entry("refund_returned", (accounts.stripe_balance(pending=pending), amount), (owed, -amount))


def refund_paid_by_bank(order_id: str, amount: int) -> Entry:
    """The refund was paid by bank transfer."""
    return entry("refund_paid_by_bank", (accounts.refund_due(order_id), amount), (accounts.BANK, -amount))


def refund_credited(order_id: str, customer_id: str, amount: int) -> Entry:
    """The refund became credit for later orders."""
    return entry("refund_credited", (accounts.refund_due(order_id), amount), (accounts.credit(customer_id), -amount))


def chargeback_opened(chargeback_id: str, amount: int, *, pending: bool) -> Entry:
    """The card network took the money, for the time being."""
    return entry(
        "chargeback_opened",
        (accounts.chargeback(chargeback_id), amount),
        (accounts.stripe_balance(pending=pending), -amount),
    )


def chargeback_fee(amount: int, *, pending: bool) -> Entry:
    """The fee of a chargeback; negative when it is given back."""
    return entry(
        "chargeback_fee", (accounts.CHARGEBACK_FEE, amount), (accounts.stripe_balance(pending=pending), -amount)
    )


def chargeback_won(chargeback_id: str, amount: int, *, pending: bool) -> Entry:
    """The card network gave the money back."""
    return entry(
        "chargeback_won",
        (accounts.stripe_balance(pending=pending), amount),
        (accounts.chargeback(chargeback_id), -amount),
    )


def chargeback_lost(chargeback_id: str, order_id: str, *, held: int, loss: int) -> Entry:
    """The money is gone: what was held (or taken back from the provider) pays first, the rest is our loss."""
    return entry(
        "chargeback_lost",
        (accounts.held(order_id), held),
        (accounts.LOSS, loss),
        (accounts.chargeback(chargeback_id), -(held + loss)),
    )


def receivable_written_off(provider_id: str, amount: int) -> Entry:
    """What a provider owes will never come."""
    return entry("receivable_written_off", (accounts.LOSS, amount), (accounts.receivable(provider_id), -amount))


def platform_payout(amount: int, *, pending: bool = False) -> Entry:
    """Our own money went to our bank; negative when the payout failed and came back."""
    return entry("platform_payout", (accounts.BANK, amount), (accounts.stripe_balance(pending=pending), -amount))


def topped_up(amount: int, *, pending: bool) -> Entry:
    """We added money from our bank to the balance at the provider."""
    return entry("topped_up", (accounts.stripe_balance(pending=pending), amount), (accounts.BANK, -amount))


def reversed_entry(original: Entry) -> Entry:
    """A correction: the opposite of what was posted, never a change of it."""
    return Entry("correction", {account: -amount for account, amount in original.postings.items()})
