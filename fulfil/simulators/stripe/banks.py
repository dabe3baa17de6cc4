"""The bank accounts that payouts go to, and what the documented numbers do."""

from dataclasses import dataclass

from fulfil.simulators.stripe.objects import new_id
from fulfil.simulators.stripe.transaction import Transaction

ROUTING = "110000000"
# What a payout to each documented number fails with; any other number is paid.
FAILURES = {
    "000111111116": (
        "no_account",
        "The bank account details on file are probably incorrect. No bank account could be located with those details.",
    ),
    "000111111113": ("account_closed", "The bank account has been closed."),
    "000222222227": ("insufficient_funds", "Your Stripe account has insufficient funds to cover the payout."),
    "000333333335": ("debit_not_authorized", "Debit transactions are not approved on your bank account."),
    "000444444440": ("invalid_currency", "The bank was unable to process this payout because of its currency."),
}
GOOD = "000123456789"


@dataclass(frozen=True)
class Bank:
    """A bank account; `number` says how payouts end."""

    id: str
    number: str
    routing: str

    @property
    def failure(self) -> tuple[str, str] | None:
        """The code and message a payout to it fails with."""
        return FAILURES.get(self.number)


def set_bank(tx: Transaction, currency: str, number: str, routing: str = ROUTING) -> Bank:
    """From now on this account's payouts in the currency go there, unless they name another."""
    bank = Bank(new_id("ba"), number, routing)
    tx.connection.execute("INSERT INTO banks VALUES (?, ?, ?, ?, ?)", (bank.id, tx.account, currency, number, routing))
    tx.insert(
        {
            "id": bank.id,
            "object": "bank_account",
            "account": tx.account or None,
            "account_holder_name": "Test Holder",
            "account_holder_type": "company",
            "account_type": None,
            "available_payout_methods": ["standard"],
            "bank_name": "STRIPE TEST BANK",
            "country": "US",
            "currency": currency,
            "customer": None,
            "default_for_currency": True,
            "fingerprint": f"simulated{number[-4:]}",
            "last4": number[-4:],
            "metadata": {},
            "routing_number": routing,
            "status": "new",
        }
    )
    return bank


def bank_for(tx: Transaction, currency: str) -> Bank:
    """The newest bank account in a currency; a good one is made when there is none."""
    query = "SELECT id, number, routing FROM banks WHERE account = ? AND currency = ? ORDER BY rowid DESC LIMIT 1"
    row = tx.connection.execute(query, (tx.account, currency)).fetchone()
    return Bank(*row) if row else set_bank(tx, currency, GOOD)


def find_bank(tx: Transaction, identity: str) -> Bank | None:
    """A bank account of this account."""
    query = "SELECT id, number, routing FROM banks WHERE account = ? AND id = ?"
    row = tx.connection.execute(query, (tx.account, identity)).fetchone()
    return Bank(*row) if row else None
