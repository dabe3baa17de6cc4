"""What the books must say: dicts of balances, moved by the facts that were played, without a look at our own tables."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor
from typing import Any

FAILED_AT_STRIPE = ("failed", "canceled")
UNBOOKED = ("awaiting_approval", "requested")
UNDER_WAY = (*UNBOOKED, "sent", "failed")
UNDECIDED = ("warning_needs_response", "warning_under_review", "needs_response", "under_review")
COMMISSION = Fraction(15, 100)
TAX_WITHIN = Fraction(19, 119)
APPROVAL_ABOVE = 500_00


def half_up(amount: Fraction) -> int:
    """To the nearest cent, half a cent up."""
    return floor(amount + Fraction(1, 2))


@dataclass
class Refunding:
    """A refund as the oracle sees it."""

    id: str
    amount: int
    state: str
    by: str
    goodwill: bool = False
    cancellation: bool = False
    decided: bool = False
    booked: bool = False
    impossible: bool = False
    """Whether it can only be rejected, for so much is not left of the order."""
    route: str = "card"
    stripe_id: str | None = None
    taken: tuple[int, int, int] = (0, 0, 0)
    """What it took back of the release: her share, our commission with its tax, the tax."""


@dataclass
class Disputed:
    """A chargeback: what Stripe said when it was read last."""

    id: str
    stripe_id: str
    order_id: str
    read: str = "unread"


@dataclass
class Ordered:
    """An order, and where the money of its one line is."""

    id: str
    line_id: str
    intent_id: str
    total: int
    job: Any = None
    job_state: str = "none"
    provider: str = ""
    released: tuple[int, int, int] | None = None
    """What is left of the provider's share, of our commission (with its tax), and of the tax in it."""
    to_transfer: int = 0
    transfer_id: str | None = None
    parked: bool = False
    ended: bool = False
    charge_id: str | None = None
    refunds: dict[str, Refunding] = field(default_factory=dict[str, Refunding])
    chargebacks: dict[str, Disputed] = field(default_factory=dict[str, Disputed])
    lost: int = 0
    lost_released: bool = False
    refunds_of_release: set[str] = field(default_factory=set[str])

    @property
    def frozen(self) -> bool:
        """Whether a chargeback holds the money."""
        return any(one.read in UNDECIDED for one in self.chargebacks.values())

    @property
    def held_back(self) -> bool:
        """Whether refunds have to wait: an inquiry alone stops none."""
        return any(one.read in UNDECIDED and not one.read.startswith("warning") for one in self.chargebacks.values())

    @property
    def unapproved(self) -> int:
        """What no second person agreed to."""
        asked = [one for one in self.refunds.values() if one.state not in ("rejected", "awaiting_approval")]
        return sum(one.amount for one in asked if not one.decided and not one.cancellation)

    @property
    def left(self) -> int:
        """What can still be paid back."""
        return self.total - self.refunded - self.refunding - self.lost if self.charge_id else 0

    @property
    def refunded(self) -> int:
        """What arrived."""
        return sum(one.amount for one in self.refunds.values() if one.state == "succeeded")

    @property
    def refunding(self) -> int:
        """What is asked for, owed, or on its way."""
        return sum(one.amount for one in self.refunds.values() if one.state in UNDER_WAY)


@dataclass
class Oracle:
    """Balances by account; `stripe` stands for both of our accounts there. Each fact counts once, by its key."""

    books: Counter[str] = field(default_factory=Counter[str])
    known: set[str] = field(default_factory=set[str])

    def move(self, key: str, legs: Mapping[str, int]) -> bool:
        """Move the balances, unless this fact was known."""
        if key in self.known:
            return False
        self.known.add(key)
        assert sum(legs.values()) == 0, (key, legs)
        self.books.update(legs)
        return True

    def held(self, order: Ordered) -> int:
        """What is held for an order."""
        return -self.books[f"liability:held:{order.id}"]

    def authorized(self, order: Ordered) -> None:
        """The bank holds the amount."""
        memo = f"memo:authorized:{order.id}"
        self.move(f"{memo}:+", {memo: order.total, "memo:authorized_contra": -order.total})

    def unauthorized(self, order: Ordered) -> None:
        """The bank's hold ended, if we knew of it."""
        memo = f"memo:authorized:{order.id}"
        if f"{memo}:+" in self.known:
            self.move(f"{memo}:-", {memo: -order.total, "memo:authorized_contra": order.total})

    def captured(self, order: Ordered, charge: Mapping[str, Any]) -> None:
        """The money came in, without Stripe's fee."""
        self.unauthorized(order)
        order.charge_id = charge["id"]
        fee = charge["balance_transaction"]["fee"]
        held = f"liability:held:{order.id}"
        self.move(
            f"charge:{order.id}", {held: -order.total, "asset:stripe": order.total - fee, "expense:stripe_fee": fee}
        )

    def released(self, order: Ordered) -> None:
        """All that is held becomes the provider's share and our commission; what she owes is kept."""
        held = self.held(order)
        commission = half_up(held * COMMISSION)
        share, tax = held - commission, half_up(commission * TAX_WITHIN)
        payable, owed = f"liability:payable:{order.provider}", f"asset:receivable:{order.provider}"
        legs = {"revenue:commission": tax - commission, "liability:tax": -tax, payable: -share}
        self.move(f"release:{order.id}", {f"liability:held:{order.id}": held, **legs})
        netted = min(share, self.books[owed])
        self.move(f"netting:{order.id}", {payable: netted, owed: -netted})
        order.released, order.to_transfer = (share, commission, tax), share - netted

    def net_taken(self, order: Ordered) -> None:
        """A loss or a refund took of what was released and not paid yet: that is kept from it."""
        owed, payable = f"asset:receivable:{order.provider}", f"liability:payable:{order.provider}"
        kept = min(order.to_transfer, self.books[owed]) if order.lost_released or order.refunds_of_release else 0
        self.move(f"netting:{order.id}:{order.to_transfer}", {payable: kept, owed: -kept})
        order.to_transfer -= kept

    def transferred(self, order: Ordered) -> None:
        """The provider got what was fixed at the release."""
        payable = f"liability:payable:{order.provider}"
        self.move(f"transfer:{order.id}", {payable: order.to_transfer, "asset:stripe": -order.to_transfer})

    def booked(self, order: Ordered, refund: Refunding) -> None:
        """A refund takes what is held first, then of what was released, pro rata; all of it is owed."""
        held = f"liability:held:{order.id}"
        if refund.goodwill:
            self.move(f"{refund.id}:goodwill", {"expense:goodwill": refund.amount, held: -refund.amount})
        else:
            of_release = refund.amount - min(self.held(order), refund.amount)
            refund.taken = self.take_back(order, refund.id, of_release)
            order.refunds_of_release |= {refund.id} if of_release else set()
        due = f"liability:refund_due:{order.id}"
        self.move(f"{refund.id}:decided", {held: refund.amount, due: -refund.amount})
        if refund.cancellation:
            given = [one for one in order.refunds.values() if one.goodwill and one.booked and one.state != "rejected"]
            spare = min(sum(one.amount for one in given), self.held(order) - (order.refunding - refund.amount))
            if spare > 0:
                self.move(f"{refund.id}:spared", {"expense:goodwill": -spare, held: spare})
        refund.booked, refund.state = True, "sent"

    def take_back(self, order: Ordered, cause: str, amount: int) -> tuple[int, int, int]:
        """Undo so much of the release: her share pro rata, half a cent to the commission; the last takes the rest."""
        if not amount:
            return 0, 0, 0
        share, commission, tax = order.released or (0, 0, 0)
        exact = Fraction(share * amount, share + commission)
        hers = min(max(ceil(exact - Fraction(1, 2)), amount - commission), amount, share)
        ours = amount - hers
        of_tax = half_up(Fraction(tax * ours, commission)) if commission else 0
        order.released = (share - hers, commission - ours, tax - of_tax)
        legs = {
            "revenue:commission": ours - of_tax,
            "liability:tax": of_tax,
            f"asset:receivable:{order.provider}": hers,
        }
        self.move(f"{cause}:taken_back", {f"liability:held:{order.id}": -amount, **legs})
        return hers, ours, of_tax

    def reversed(self, order: Ordered, cause: str, amount: int) -> None:
        """Money came back from the provider; what her payouts were netted with meanwhile is owed to her."""
        owed = min(self.books[f"asset:receivable:{order.provider}"], amount)
        legs = {f"asset:receivable:{order.provider}": -owed, f"liability:payable:{order.provider}": owed - amount}
        self.move(f"{cause}:reversed", {"asset:stripe": amount, **legs})

    def heard(self, order: Ordered, refund: Refunding, said: Mapping[str, Any]) -> None:
        """Our side read the refund's object."""
        if refund.state == "sent" and refund.route == "card" and refund.stripe_id is None:
            refund.stripe_id = said["id"]
        moving, due = f"asset:refunds_in_transit:{order.id}", f"liability:refund_due:{order.id}"
        taken, amount = said["balance_transaction"] is not None, refund.amount
        if taken:
            self.move(f"{said['id']}:taken", {moving: amount, "asset:stripe": -amount})
        if refund.stripe_id != said["id"]:
            return
        if said["status"] == "succeeded" and refund.state == "sent":
            self.move(f"{said['id']}:succeeded", {due: amount, moving: -amount})
            refund.state = "succeeded"
        elif said["status"] in FAILED_AT_STRIPE and refund.state in ("sent", "succeeded"):
            back = due if refund.state == "succeeded" else moving
            if taken:
                self.move(f"{said['id']}:returned", {"asset:stripe": amount, back: -amount})
            refund.state = "failed"

    def paid_otherwise(self, order: Ordered, refund: Refunding, account: str) -> None:
        """By bank, or as credit."""
        due = f"liability:refund_due:{order.id}"
        self.move(f"{refund.id}:{refund.route}", {due: refund.amount, account: -refund.amount})
        refund.state = "succeeded"

    def given_up(self, order: Ordered, refund: Refunding) -> None:
        """Nothing is paid: what was owed is held again."""
        refund.state = "rejected"
        order.refunds_of_release.discard(refund.id)
        if not refund.booked:
            return
        held, due = f"liability:held:{order.id}", f"liability:refund_due:{order.id}"
        self.move(f"{refund.id}:given_up", {held: -refund.amount, due: refund.amount})
        if refund.goodwill:
            self.move(f"{refund.id}:goodwill_back", {held: refund.amount, "expense:goodwill": -refund.amount})
        spared = refund.amount if f"{refund.id}:spared" in self.known else 0
        assert not spared, "a cancellation that spared goodwill is never given up here"
        hers, ours, tax = refund.taken
        if hers + ours:
            owed, payable = f"asset:receivable:{order.provider}", f"liability:payable:{order.provider}"
            settled = min(hers, self.books[owed])
            legs = {owed: -settled, payable: settled - hers, "revenue:commission": tax - ours, "liability:tax": -tax}
            self.move(f"{refund.id}:given_back", {held: hers + ours, **legs})
            left = order.released or (0, 0, 0)
            order.released = (left[0] + hers, left[1] + ours, left[2] + tax)

    def disputed(self, order: Ordered, chargeback: Disputed, said: Mapping[str, Any]) -> bool:
        """Our side read the dispute; True when a loss was booked by it."""
        account = f"asset:chargeback:{chargeback.id}"
        for entry in said["balance_transactions"]:
            legs = {account: -entry["amount"], "expense:chargeback_fee": entry["fee"]}
            self.move(entry["id"], {**legs, "asset:stripe": entry["net"]})
        chargeback.read = said["status"]
        lost = self.books[account]
        if said["status"] != "lost" or not lost:
            return False
        from_held = min(lost, self.held(order))
        share, commission, _ = order.released or (0, 0, 0)
        taken = min(lost - from_held, share + commission)
        order.lost_released |= taken > 0
        self.take_back(order, chargeback.id, taken)
        held, gone = f"liability:held:{order.id}", lost - from_held - taken
        self.move(f"{chargeback.id}:lost", {held: from_held + taken, "expense:loss": gone, account: -lost})
        order.lost += said["amount"]
        return True
