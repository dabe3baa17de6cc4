"""An order's money in words: what each transaction was, why each of its lines is there, and what became of it all."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from fulfil.ledger.accounts import (
    CHARGEBACK_FEE,
    COMMISSION,
    COMMISSION_TAX,
    GOODWILL,
    LOSS,
    STRIPE_FEE,
    meaning_of,
)
from fulfil.models.money import format_money, share_minor

PERCENT = 100
WHOLE = 10_000


@dataclass(frozen=True)
class Booked:
    """One transaction as it stands in the books; `reverses` is the kind of the one it corrects."""

    kind: str
    currency: str
    postings: Mapping[str, int]
    reverses: str | None = None
    note: str | None = None

    def sum_of(self, *prefixes: str) -> int:
        """What its legs on these accounts come to, without a sign."""
        return abs(sum(amount for account, amount in self.postings.items() if account.startswith(prefixes)))

    def money(self, *prefixes: str) -> str:
        """The same, for people."""
        return format_money(self.sum_of(*prefixes), self.currency)


Sentence = Callable[[Booked], str]
STRIPE, HELD, DUE = "asset:stripe", "liability:held:", "liability:refund_due:"
SHARES = (COMMISSION, COMMISSION_TAX)


def commission_of(booked: Booked) -> str:
    """`12.60 EUR commission: 15 % of 84.00 EUR, of which 2.01 EUR tax`."""
    released, commission = booked.sum_of(HELD), booked.sum_of(*SHARES)
    tax = f", of which {booked.money(COMMISSION_TAX)} tax" if booked.sum_of(COMMISSION_TAX) else ""
    return f"{booked.money(*SHARES)} commission: {percent_of(commission, released)} of {booked.money(HELD)}{tax}"


def percent_of(part: int, whole: int) -> str:
    """`15 %` when 15 % of the whole, rounded, is the part; else with two decimals."""
    if whole <= 0:
        return "0 %"
    basis_points = (part * WHOLE + whole // 2) // whole
    rounded = (basis_points + PERCENT // 2) // PERCENT * PERCENT
    if share_minor(whole, rounded) == part:
        return f"{rounded // PERCENT} %"
    return f"{basis_points // PERCENT}.{basis_points % PERCENT:02d} %"


def _release(booked: Booked) -> str:
    return (
        f"{booked.money(HELD)} were released: {booked.money('liability:payable:')} for the provider, "
        f"{commission_of(booked)}."
    )


SENTENCES: Mapping[str, Sentence] = {
    "authorization": lambda b: f"The customer's bank reserved {b.money('memo:authorized:')}.",
    "authorization_ended": lambda b: f"The reservation of {b.money('memo:authorized:')} ended: taken or given back.",
    "charge": lambda b: f"The customer paid {b.money(HELD)}, held for the order.",
    "stripe_fee": lambda b: f"The payment provider kept a fee of {b.money(STRIPE_FEE)}.",
    "release": _release,
    "netting": lambda b: f"{b.money('liability:payable:')} were kept from the provider for what she owed.",
    "transfer": lambda b: f"The provider was paid {b.money('liability:payable:')}.",
    "release_taken_back": lambda b: (
        f"{b.money(HELD)} of a release were taken back: {b.money('asset:receivable:')} from the provider, "
        f"{b.money(*SHARES)} of our commission."
    ),
    "release_restored": lambda b: (
        f"{b.money(HELD)} that had been taken back were released again, {b.money(*SHARES)} of it to our commission."
    ),
    "transfer_reversed": lambda b: f"{b.money(STRIPE)} came back from the provider's account.",
    "goodwill": lambda b: f"The platform added {b.money(GOODWILL)} of its own, to give to the customer.",
    "refund_decided": lambda b: f"A refund of {b.money(DUE)} was decided: held no longer, owed to the customer.",
    "refund_sent": lambda b: f"A refund of {b.money(DUE)} was sent to the customer.",
    "refund_taken": lambda b: f"{b.money(STRIPE)} left our balance for the customer.",
    "refund_succeeded": lambda b: f"{b.money(DUE)} arrived with the customer.",
    "refund_returned": lambda b: f"{b.money(STRIPE)} of a refund came back to us; the customer is owed it still.",
    "refund_paid_by_bank": lambda b: f"{b.money(DUE)} were paid to the customer by bank transfer.",
    "refund_credited": lambda b: f"{b.money(DUE)} became the customer's credit for later orders.",
    "chargeback_opened": lambda b: f"The card network took {b.money('asset:chargeback:')}, for the time being.",
    "chargeback_fee": lambda b: f"The chargeback's fee: {b.money(CHARGEBACK_FEE)}.",
    "chargeback_won": lambda b: f"The card network gave {b.money('asset:chargeback:')} back.",
    "chargeback_lost": lambda b: (
        f"The chargeback of {b.money('asset:chargeback:')} was lost: {b.money(HELD)} were held, "
        f"{b.money(LOSS)} are our loss."
    ),
    "receivable_written_off": lambda b: f"{b.money(LOSS)} that the provider owes were written off.",
    "funds_cleared": lambda b: f"{b.money('asset:stripe:available')} became available.",
    "platform_payout": lambda b: f"{b.money('asset:bank')} went between our balance and our bank.",
    "topped_up": lambda b: f"We put {b.money('asset:bank')} from our bank into our balance.",
    "opening": lambda b: f"Opening balance: {b.money('asset:stripe:available')}.",
}
# Account up to its owner -> why a line of a release stands there; everything else is told by the account's meaning.
RELEASE_LINES: Mapping[str, Sentence] = {
    "liability:held": lambda b: f"{b.money(HELD)} are held no longer",
    "liability:payable": lambda b: (
        f"{b.money('liability:payable:')} for the provider: what is left after the commission"
    ),
    COMMISSION: commission_of,
    COMMISSION_TAX: lambda b: f"{b.money(COMMISSION_TAX)} tax in the commission of {b.money(*SHARES)}",
}


def sentence_of(booked: Booked) -> str:
    """What a transaction was, with its amounts."""
    if booked.reverses is not None:
        return f"Takes back what was booked as {booked.reverses}: {booked.note or 'no reason was given'}"
    known = SENTENCES.get(booked.kind)
    return known(booked) if known is not None else booked.kind


def why(booked: Booked, account: str) -> str:
    """Why a transaction has a line on an account."""
    amount = booked.postings[account]
    known: Sentence | None = RELEASE_LINES.get(account) or RELEASE_LINES.get(account.rpartition(":")[0])
    if booked.kind == "release" and known is not None:
        return known(booked)
    grows = (amount > 0) == account.startswith(("asset", "expense", "memo"))
    direction = "more" if grows else "less"
    return f"{format_money(abs(amount), booked.currency)} {direction}: {_lowered(meaning_of(account))}"


def story_of(transactions: Sequence[Booked]) -> list[str]:
    """Who paid, what is held, released, refunded, kept and lost: a sentence each, where there is something to say."""
    return [
        sentence
        for currency in sorted({booked.currency for booked in transactions})
        for sentence in _story([booked for booked in transactions if booked.currency == currency], currency)
    ]


def _story(transactions: Sequence[Booked], currency: str) -> Iterable[str]:
    by_kind = _by_kind(transactions)
    left = by_kind[""]

    def say(amount: int, sentence: str) -> list[str]:
        return [sentence.format(format_money(amount, currency))] if amount else []

    paid = -by_kind["charge"][HELD]
    refunded = sum(by_kind[kind][DUE] for kind in ("refund_succeeded", "refund_paid_by_bank", "refund_credited"))
    refunded += by_kind["refund_returned"][DUE]
    # What a provider did not owe any more, when it came back, is owed to her.
    came_back = -(
        by_kind["transfer_reversed"]["asset:receivable:"] + by_kind["transfer_reversed"]["liability:payable:"]
    )
    commission = -(left[COMMISSION] + left[COMMISSION_TAX])
    fees = left[STRIPE_FEE] + left[CHARGEBACK_FEE]
    kept = -(left[COMMISSION] + left[STRIPE_FEE] + left[CHARGEBACK_FEE] + left[GOODWILL] + left[LOSS])
    yield from [] if paid else ["The customer has paid nothing yet."]
    yield from say(left["memo:authorized:"], "{} are reserved at the customer's bank.")
    yield from say(paid, "The customer paid {}.")
    yield from say(-left[HELD], "{} are held for the order.")
    yield from say(-by_kind["release"]["liability:payable:"], "{} were released to providers.")
    yield from say(-by_kind["release_taken_back"][HELD], "{} of what was released were taken back.")
    yield from say(by_kind["transfer"]["liability:payable:"], "{} were transferred to them.")
    yield from say(came_back, "{} of that came back from their accounts.")
    yield from say(-left["liability:payable:"], "{} are owed to providers still.")
    yield from say(left["asset:receivable:"], "{} are owed by providers.")
    yield from say(refunded, "{} were paid back to the customer.")
    yield from say(-left[DUE], "{} are owed to the customer still.")
    yield from say(left["asset:chargeback:"], "{} are with the card network, undecided.")
    yield from say(-by_kind["chargeback_lost"]["asset:chargeback:"], "{} went back to the customer by a chargeback.")
    yield from say(left[GOODWILL], "{} were given by goodwill.")
    yield from say(left[LOSS], "{} are lost.")
    yield from say(commission, "{} are our commission" + _tax(left[COMMISSION_TAX], currency))
    yield from say(fees, "{} went to the payment provider as fees.")
    if paid:
        yield f"{format_money(kept, currency)} are left to the platform of this order."


def _tax(tax: int, currency: str) -> str:
    return f", of which {format_money(-tax, currency)} are tax." if tax else "."


def _by_kind(transactions: Sequence[Booked]) -> defaultdict[str, defaultdict[str, int]]:
    """Sums by kind and account up to its owner; under "" those of all. A correction counts as what it reverses."""
    sums: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for booked in transactions:
        for account, amount in booked.postings.items():
            owned = account.count(":") > 1 and not account.startswith(STRIPE)
            name = f"{account.rpartition(':')[0]}:" if owned else account
            sums[booked.reverses or booked.kind][name] += amount
            sums[""][name] += amount
    return sums


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
