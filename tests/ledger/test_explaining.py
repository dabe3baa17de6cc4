"""An order's money in words."""

import pytest

from fulfil.ledger import accounts, entries
from fulfil.ledger.entries import Entry, reversed_entry
from fulfil.ledger.explaining import Booked, percent_of, sentence_of, story_of, why
from tests.ledger.facts import ENTRIES, Names
from tests.ledger.oracle import MOVES

ORDER, PROVIDER = "ord_1", "prv_1"
RELEASE = entries.release(ORDER, PROVIDER, provider=7_140, commission=1_059, tax=201)


def booked(entry: Entry, currency: str = "eur") -> Booked:
    return Booked(entry.kind, currency, entry.postings)


def test_a_release_says_who_gets_what_and_why() -> None:
    assert sentence_of(booked(RELEASE)) == (
        "84.00 EUR were released: 71.40 EUR for the provider, "
        "12.60 EUR commission: 15 % of 84.00 EUR, of which 2.01 EUR tax."
    )
    lines = {account: why(booked(RELEASE), account) for account in RELEASE.postings}
    assert lines == {
        "liability:held:ord_1": "84.00 EUR are held no longer",
        "liability:payable:prv_1": "71.40 EUR for the provider: what is left after the commission",
        "revenue:commission": "12.60 EUR commission: 15 % of 84.00 EUR, of which 2.01 EUR tax",
        "liability:tax": "2.01 EUR tax in the commission of 12.60 EUR",
    }


def test_other_lines_say_where_it_became_more_or_less() -> None:
    charge = booked(entries.charge(ORDER, 500, pending=True))
    assert (
        why(charge, accounts.STRIPE_PENDING) == "5.00 EUR more: our balance at the payment provider, not yet available"
    )
    assert why(charge, "liability:held:ord_1") == "5.00 EUR more: held for the order"
    transfer = booked(entries.transfer(PROVIDER, 500, pending=False))
    assert why(transfer, "liability:payable:prv_1") == "5.00 EUR less: owed to the provider"


@pytest.mark.parametrize("name", sorted(MOVES))
def test_every_fact_has_a_sentence_with_its_amount(name: str) -> None:
    entry = ENTRIES[name](Names.fresh(), tuple(100 for _ in MOVES[name]))
    assert any(amount in sentence_of(booked(entry)) for amount in ("1.00 EUR", "2.00 EUR", "3.00 EUR"))
    assert all(why(booked(entry), account) for account in entry.postings)


def test_a_correction_says_what_it_takes_back_and_why() -> None:
    undone = Booked("correction", "eur", reversed_entry(RELEASE).postings, reverses="release", note="wrong provider")
    assert sentence_of(undone) == "Takes back what was booked as release: wrong provider"


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(1_260, 8_400, "15 %"), (1, 7, "14 %"), (1_234, 10_000, "12.34 %"), (0, 5, "0 %"), (5, 0, "0 %")],
)
def test_shares_are_said_as_they_were_agreed(part: int, whole: int, said: str) -> None:
    assert percent_of(part, whole) == said


def test_a_story_tells_what_became_of_the_money() -> None:
    life = [
        entries.charge(ORDER, 8_400, pending=False),
        entries.stripe_fee(175, pending=False),
        RELEASE,
        entries.transfer(PROVIDER, 7_140, pending=False),
    ]
    assert story_of([booked(entry) for entry in life]) == [
        "The customer paid 84.00 EUR.",
        "71.40 EUR were released to providers.",
        "71.40 EUR were transferred to them.",
        "12.60 EUR are our commission, of which 2.01 EUR are tax.",
        "1.75 EUR went to the payment provider as fees.",
        "8.84 EUR are left to the platform of this order.",
    ]


def test_a_story_of_a_refund_names_what_is_owed_and_what_arrived() -> None:
    life = [
        entries.charge(ORDER, 100, pending=False),
        entries.refund_decided(ORDER, 60),
        entries.refund_taken(ORDER, 40, pending=False),
        entries.refund_succeeded(ORDER, 40),
    ]
    assert story_of([booked(entry, "jpy") for entry in life]) == [
        "The customer paid 100 JPY.",
        "40 JPY are held for the order.",
        "40 JPY were paid back to the customer.",
        "20 JPY are owed to the customer still.",
        "0 JPY are left to the platform of this order.",
    ]


def test_a_story_of_a_lost_chargeback_tells_where_the_money_went() -> None:
    life = [
        entries.charge(ORDER, 8_400, pending=False),
        RELEASE,
        entries.transfer(PROVIDER, 7_140, pending=False),
        entries.chargeback_opened("chb_1", 8_400, pending=False),
        entries.release_taken_back(ORDER, PROVIDER, provider=7_140, commission=1_059, tax=201),
        entries.transfer_reversed(PROVIDER, 6_000, pending=False, surplus=40),
        entries.chargeback_lost("chb_1", ORDER, held=8_400, loss=0),
    ]
    assert story_of([booked(entry) for entry in life]) == [
        "The customer paid 84.00 EUR.",
        "71.40 EUR were released to providers.",
        "84.00 EUR of what was released were taken back.",
        "71.40 EUR were transferred to them.",
        "60.00 EUR of that came back from their accounts.",
        "0.40 EUR are owed to providers still.",
        "11.80 EUR are owed by providers.",
        "84.00 EUR went back to the customer by a chargeback.",
        "0.00 EUR are left to the platform of this order.",
    ]


def test_what_was_taken_back_by_a_correction_is_no_part_of_the_story() -> None:
    charge = entries.charge(ORDER, 100, pending=False)
    undone = Booked("correction", "eur", reversed_entry(charge).postings, reverses="charge", note="twice")
    assert story_of([booked(charge), booked(charge), undone])[0] == "The customer paid 1.00 EUR."
    assert story_of([]) == []
