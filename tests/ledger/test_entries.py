"""What every money fact posts, against an oracle that knows nothing of accounts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fulfil.ledger.entries import Entry, UnbalancedEntryError, entry, reversed_entry
from tests.ledger.facts import ENTRIES, KEYS, Fact, MemoryBooks, Names, facts
from tests.ledger.oracle import MOVES, Oracle


class MoneyOfAnOrder(RuleBasedStateMachine):
    """Legal and illegal facts, duplicates, and earlier facts once more under their key or another."""

    @initialize()
    def begin(self) -> None:
        """Nothing has happened."""
        self.names = Names.fresh()
        self.books = MemoryBooks(self.names)
        self.oracle = Oracle()
        self.told: list[Fact] = []

    @rule(fact=facts())
    def anything_happens(self, fact: Fact) -> None:
        """Both say the same about it."""
        self.told.append(fact)
        assert self.books.post(fact.key, fact.entry(self.names)) == self.oracle.post(fact.key, fact.name, fact.amounts)

    @rule(amount=st.integers(1, 9), part=st.integers(0, 8), key=KEYS)
    def the_usual_happens(self, amount: int, part: int, key: str) -> None:
        """An order is paid, a part refunded, the rest released and transferred: so that there is something to spoil."""
        refund = min(part, amount)
        for number, (name, amounts) in enumerate(
            (
                ("charge", (amount,)),
                ("refund_decided", (refund,)),
                ("release", (amount - refund, 0, 0)),
                ("transfer", (amount - refund,)),
            )
        ):
            if any(amounts):
                self.anything_happens(Fact(f"{key}:{number}", name, amounts))

    @rule(data=st.data())
    def something_is_told_again(self, data: st.DataObject) -> None:
        """A webhook comes twice, or late."""
        if self.told:
            self.anything_happens(data.draw(st.sampled_from(self.told)))

    @invariant()
    def the_books_hold_what_the_pots_hold(self) -> None:
        """Every pot, and zero in sum."""
        assert sum(self.books.balances.values()) == 0
        for pot, (account, sign) in self.names.pots.items():
            assert self.books.balances[account] == sign * self.oracle.pots[pot], pot


TestMoneyOfAnOrder = MoneyOfAnOrder.TestCase


def test_the_oracle_knows_every_fact() -> None:
    assert set(ENTRIES) == set(MOVES)


@given(st.dictionaries(st.sampled_from("abcde"), st.integers(-5, 5), max_size=5))
def test_an_entry_balances_or_is_refused(legs: dict[str, int]) -> None:
    wanted = {account: amount for account, amount in legs.items() if amount}
    if sum(wanted.values()) == 0 and len(wanted) >= 2:
        assert entry("x", *legs.items()).postings == wanted
    else:
        with pytest.raises(UnbalancedEntryError):
            entry("x", *legs.items())


@given(facts())
def test_a_fact_and_its_correction_leave_nothing(fact: Fact) -> None:
    posted = fact.entry(Names.fresh())
    undone: Entry = reversed_entry(posted)
    assert {account: amount + undone.postings[account] for account, amount in posted.postings.items()} == dict.fromkeys(
        posted.postings, 0
    )
