"""What money facts do, said a second time: pots of positive amounts, and a fact is refused when a pot would run dry."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

# Fact -> what each of its amounts (a, b, c) adds to and takes from. The same table stands in docs/money.md.
MOVES: Mapping[str, tuple[Mapping[str, int], ...]] = {
    "authorization": ({"reserved": 1},),
    "authorization_ended": ({"reserved": -1},),
    "charge": ({"stripe": 1, "held": 1},),
    "stripe_fee": ({"stripe": -1},),
    "release": ({"held": -1, "payable": 1}, {"held": -1, "commission": 1}, {"held": -1, "tax": 1}),
    "netting": ({"payable": -1, "receivable": -1},),
    "transfer": ({"payable": -1, "stripe": -1},),
    "release_taken_back": (
        {"receivable": 1, "held": 1},
        {"commission": -1, "held": 1},
        {"tax": -1, "held": 1},
    ),
    "release_restored": (
        {"held": -1, "receivable": -1},
        {"held": -1, "payable": 1},
        {"held": -1, "commission": 1},
        {"held": -1, "tax": 1},
    ),
    "transfer_reversed": ({"stripe": 1, "receivable": -1},),
    "goodwill": ({"held": 1},),
    "refund_decided": ({"held": -1, "owed": 1},),
    "refund_taken": ({"travelling": 1, "stripe": -1},),
    "refund_succeeded": ({"owed": -1, "travelling": -1},),
    "refund_bounced": ({"stripe": 1, "travelling": -1},),
    "refund_returned": ({"stripe": 1, "owed": 1},),
    "refund_paid_by_bank": ({"owed": -1, "bank": -1},),
    "refund_credited": ({"owed": -1, "credit": 1},),
    "chargeback_opened": ({"disputed": 1, "stripe": -1},),
    "chargeback_fee": ({"stripe": -1},),
    "chargeback_won": ({"stripe": 1, "disputed": -1},),
    "chargeback_lost": ({"held": -1, "disputed": -1}, {"disputed": -1}),
    "receivable_written_off": ({"receivable": -1},),
}
NEVER_DRY = ("reserved", "held", "payable", "owed", "travelling", "disputed", "receivable", "credit")


@dataclass
class Oracle:
    """Plays facts; `post` says what the books must say."""

    pots: defaultdict[str, int] = field(default_factory=lambda: defaultdict[str, int](int))
    keys: set[str] = field(default_factory=set[str])

    def post(self, key: str, fact: str, amounts: tuple[int, ...]) -> str:
        """`posted`, `known` (nothing happens) or `refused`."""
        if key in self.keys:
            return "known"
        after = self.pots.copy()
        for amount, moves in zip(amounts, MOVES[fact], strict=True):
            for pot, sign in moves.items():
                after[pot] += sign * amount
        if any(after[pot] < 0 for pot in NEVER_DRY):
            return "refused"
        self.pots = after
        self.keys.add(key)
        return "posted"
