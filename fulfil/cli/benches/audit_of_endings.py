"""Whether every order that was played ended as its script wanted, its money counted from both sides."""

from collections import Counter
from collections.abc import Mapping, Sequence

from fulfil.cli.benches.audit_of_books import Booked, Books
from fulfil.cli.benches.findings import Finding
from fulfil.cli.benches.stripe_dump import UNDONE, StripeDump
from fulfil.cli.playing.scripts import Played
from fulfil.models.messages.orders import OrderState

# Of the example's providers; each rounding of a share may leave a cent with either side.
COMMISSION_BP = 1500
BASIS = 10_000
Money = dict[str, int]


def audit_endings(played: Sequence[Played], books: Books, stripe: StripeDump) -> list[Finding]:
    """Each order against its script: its state, and every amount as Stripe and the ledger tell it."""
    at_stripe, booked = _at_stripe(stripe), books.of_orders()
    states = [f"{one.order_id} ({one.script}) is {one.state.value}" for one in played if not one.as_expected]
    money: list[str] = []
    kept: list[str] = []
    for one in played:
        wanted, transactions = one.ending, booked.get(one.order_id, [])
        theirs = at_stripe.get(one.order_id, {})
        ours = _booked(transactions)
        for name, amount, found in (
            ("captured", wanted.captured, theirs.get("captured", 0)),
            ("refunded", wanted.refunded, theirs.get("refunded", 0)),
            ("lost", wanted.lost, theirs.get("lost", 0)),
            ("paid otherwise", wanted.paid_otherwise, ours["paid otherwise"]),
            ("goodwill", wanted.goodwill, ours["goodwill"]),
        ):
            if amount != found:
                money.append(f"{one.order_id} ({one.script}) {name} {found} instead of {amount}")
        kept += _wrongly_kept(one, theirs, ours)
    return [
        Finding("orders that went another way", states),
        Finding("money that went another way", money),
        Finding("orders of which we kept another share", kept),
    ]


def _wrongly_kept(one: Played, theirs: Mapping[str, int], ours: Mapping[str, int]) -> list[str]:
    """Of what is left after refunds and losses the commission is ours, the rest the provider's, to the cent."""
    wanted = one.ending
    left = wanted.captured - wanted.refunded - wanted.paid_otherwise + wanted.goodwill - wanted.lost
    paid_out = theirs.get("transferred", 0) - theirs.get("reversed", 0) + ours["netted"] - ours["owed"]
    kept = left - paid_out
    broken = [f"{one.order_id} ({one.script}): {ours['kept']} booked of {kept} kept"] if ours["kept"] != kept else []
    fair = left * COMMISSION_BP / BASIS if one.state is OrderState.CLOSED else 0
    roundings = 2 + theirs.get("reversals", 0)
    if abs(kept - fair) > roundings:
        broken.append(f"{one.order_id} ({one.script}): kept {kept} of {left}")
    return broken


def _at_stripe(stripe: StripeDump) -> Mapping[str, Money]:
    order_of = stripe.orders_by_source()
    found: dict[str, Money] = {}

    def add(source: str, name: str, amount: int) -> None:
        amounts = found.setdefault(order_of.get(source, ""), {})
        amounts[name] = amounts.get(name, 0) + amount

    for charge in stripe.captured():
        add(charge.id, "captured", charge.amount_captured)
    for refund in stripe.refunds:
        if refund.status not in UNDONE:
            add(refund.id, "refunded", refund.amount)
    for dispute in stripe.disputes:
        if dispute.status == "lost":
            add(dispute.id, "lost", dispute.amount)
    for transfer in stripe.transfers:
        add(transfer.id, "transferred", transfer.amount)
    for reversal in stripe.transfer_reversals:
        add(reversal.id, "reversed", reversal.amount)
        add(reversal.id, "reversals", 1)
    return found


def _booked(transactions: Sequence[Booked]) -> Mapping[str, int]:
    amounts: Counter[str] = Counter()
    for one in transactions:
        amounts["paid otherwise"] -= one.of("asset:bank", "liability:credit:")
        amounts["goodwill"] += one.of("expense:goodwill")
        amounts["kept"] -= one.of("revenue:commission", "liability:tax", "expense:loss")
        # Kept from her payout for what she owed of another order; owed of this one and not come back.
        amounts["netted"] += one.of("liability:payable:") if one.kind == "netting" else 0
        amounts["owed"] += one.of("asset:receivable:") if one.kind != "netting" else 0
    return amounts
