"""Random money facts of one order, and how the books say them."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

from fulfil.ledger import accounts, entries
from fulfil.ledger.entries import Entry
from fulfil.models.ids import new_id
from tests.ledger.oracle import MOVES


@dataclass(frozen=True)
class Names:
    """Whom a sequence of facts is about."""

    order: str
    provider: str
    chargeback: str
    customer: str

    @classmethod
    def fresh(cls) -> "Names":
        """Nobody seen before."""
        return cls(new_id("ord"), new_id("prv"), new_id("chb"), new_id("cus"))

    @property
    def pots(self) -> Mapping[str, tuple[str, int]]:
        """The oracle's pots: account, and the sign a full pot has there."""
        return {
            "reserved": (accounts.authorized(self.order), 1),
            "stripe": (accounts.STRIPE_AVAILABLE, 1),
            "held": (accounts.held(self.order), -1),
            "payable": (accounts.payable(self.provider), -1),
            "receivable": (accounts.receivable(self.provider), 1),
            "owed": (accounts.refund_due(self.order), -1),
            "travelling": (accounts.refunds_in_transit(self.order), 1),
            "disputed": (accounts.chargeback(self.chargeback), 1),
            "credit": (accounts.credit(self.customer), -1),
            "commission": (accounts.COMMISSION, -1),
            "tax": (accounts.COMMISSION_TAX, -1),
            "bank": (accounts.BANK, 1),
        }


@dataclass(frozen=True)
class Fact:
    """One fact under one key; `key` may repeat an earlier one."""

    key: str
    name: str
    amounts: tuple[int, ...]

    def entry(self, names: Names) -> Entry:
        """What it posts."""
        return ENTRIES[self.name](names, self.amounts)


Maker = Callable[[Names, tuple[int, ...]], Entry]
ENTRIES: Mapping[str, Maker] = {
    "authorization": lambda n, a: entries.authorization(n.order, *a),
    "authorization_ended": lambda n, a: entries.authorization_ended(n.order, *a),
    "charge": lambda n, a: entries.charge(n.order, *a, pending=False),
    "stripe_fee": lambda _, a: entries.stripe_fee(*a, pending=False),
    "release": lambda n, a: entries.release(n.order, n.provider, provider=a[0], commission=a[1], tax=a[2]),
    "netting": lambda n, a: entries.netting(n.provider, *a),
    "transfer": lambda n, a: entries.transfer(n.provider, *a, pending=False),
    "release_taken_back": lambda n, a: entries.release_taken_back(
        n.order, n.provider, provider=a[0], commission=a[1], tax=a[2]
    ),
    "release_restored": lambda n, a: entries.release_restored(
        n.order, n.provider, settled=a[0], payable=a[1], commission=a[2], tax=a[3]
    ),
    "transfer_reversed": lambda n, a: entries.transfer_reversed(n.provider, *a, pending=False),
    "goodwill": lambda n, a: entries.goodwill(n.order, *a),
    "refund_decided": lambda n, a: entries.refund_decided(n.order, *a),
    "refund_taken": lambda n, a: entries.refund_taken(n.order, *a, pending=False),
    "refund_succeeded": lambda n, a: entries.refund_succeeded(n.order, *a),
    "refund_bounced": lambda n, a: entries.refund_returned(n.order, *a, pending=False, had_succeeded=False),
    "refund_returned": lambda n, a: entries.refund_returned(n.order, *a, pending=False, had_succeeded=True),
    "refund_paid_by_bank": lambda n, a: entries.refund_paid_by_bank(n.order, *a),
    "refund_credited": lambda n, a: entries.refund_credited(n.order, n.customer, *a),
    "chargeback_opened": lambda n, a: entries.chargeback_opened(n.chargeback, *a, pending=False),
    "chargeback_fee": lambda _, a: entries.chargeback_fee(*a, pending=False),
    "chargeback_won": lambda n, a: entries.chargeback_won(n.chargeback, *a, pending=False),
    "chargeback_lost": lambda n, a: entries.chargeback_lost(n.chargeback, n.order, held=a[0], loss=a[1]),
    "receivable_written_off": lambda n, a: entries.receivable_written_off(n.provider, *a),
}
# Few keys and few amounts: so that duplicates, exhausted accounts and exact matches come often.
KEYS = st.integers(0, 60).map(str)


@st.composite
def facts(draw: st.DrawFn) -> Fact:
    """Any fact at any time, with amounts that often do not fit."""
    name = draw(st.sampled_from(sorted(MOVES)))
    amounts = tuple(draw(st.integers(1, 4)) for _ in MOVES[name])
    return Fact(draw(KEYS), name, amounts)


@dataclass
class MemoryBooks:
    """The books as the entries alone make them: the guards of `accounts`, no database."""

    names: Names

    def __post_init__(self) -> None:
        self.balances: defaultdict[str, int] = defaultdict(int)
        self.keys: set[str] = set()

    def post(self, key: str, posted: Entry) -> str:
        """As `Oracle.post`."""
        if key in self.keys:
            return "known"
        after = self.balances.copy()
        for account, amount in posted.postings.items():
            after[account] += amount
            wrong = after[account] > 0 if account.startswith(accounts.NEVER_DEBIT) else after[account] < 0
            if wrong and account.startswith((*accounts.NEVER_DEBIT, *accounts.NEVER_CREDIT)):
                return "refused"
        self.balances = after
        self.keys.add(key)
        return "posted"
