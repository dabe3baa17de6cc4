"""Events in words."""

from datetime import UTC, datetime

import pytest
from rich.text import Text

from fulfil.cli.timeline import SENTENCES, Event, next_line, sentence, timeline_line
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.parties import SYSTEM, WaitingOn

EUR_30 = {"amount_minor": 3000, "currency": "eur"}
CREDIT_NOTE_ISSUED = "credit note CRN-2026-000011 issued"
AT = datetime(2026, 11, 21, 10, 30, 5, tzinfo=UTC)


def event(event_type: str, **data: object) -> Event:
    """An event of this kind."""
    return Event(id=7, order_id="ord_1", sequence=3, type=event_type, at=AT, actor=SYSTEM, subject="ord_1", data=data)


BARE = ("  ", "()", ": ;", " ,")


@pytest.mark.parametrize("kind", EventType)
def test_every_event_has_a_sentence_that_reads_well_even_without_data(kind: EventType) -> None:
    assert kind in SENTENCES, "a new event type needs a sentence in fulfil/cli/timeline.py"
    told = sentence(event(kind))
    assert told == told.strip(" :,;")
    assert told
    assert not [gap for gap in BARE if gap in told]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            event(EventType.REFUND_REQUESTED, **EUR_30, reason="duplicate", approval_reasons=["above_limit"]),
            "refund of 30.00 EUR asked for: duplicate; a second person decides (above limit)",
        ),
        (event(EventType.REFUND_REQUESTED, **EUR_30, reason="late"), "refund of 30.00 EUR asked for: late"),
        (
            event(EventType.REFUND_FAILED, **EUR_30, failure="expired_or_canceled_card", had_succeeded=True),
            "refund of 30.00 EUR came back: expired or canceled card; it is still owed",
        ),
        (
            event(EventType.PAYMENT_REFUNDED, **EUR_30, route="bank", reference="SEPA 8"),
            "30.00 EUR back with the customer, by bank transfer SEPA 8",
        ),
        (event(EventType.PAYMENT_REFUNDED, **EUR_30, route="card"), "30.00 EUR back with the customer"),
        (
            event(EventType.PAYMENT_TRANSFER_REVERSED, **EUR_30, owed_minor=400),
            "30.00 EUR taken back from the provider; 4.00 EUR more are kept from her next payouts",
        ),
        (
            event(EventType.CHARGEBACK_OPENED, **EUR_30, reason="product_not_received", is_inquiry=False),
            "the customer's bank took back 30.00 EUR (product not received)",
        ),
        (event(EventType.CHARGEBACK_OPENED, **EUR_30, is_inquiry=True), "the customer's bank inquires about 30.00 EUR"),
        (
            event(EventType.CHARGEBACK_EVIDENCE_DUE, due_at="2026-11-30T12:00:00+00:00", staged=False),
            "the bank waits for evidence until 2026-11-30 12:00; none is staged",
        ),
        (event(EventType.DOCUMENT_ISSUED, kind="credit_note", number="CRN-2026-000011"), CREDIT_NOTE_ISSUED),
        (
            event(EventType.JOB_QUALITY_FAILED, checks=[{"name": "Size", "passed": False, "note": "too big"}]),
            "quality check failed: Size (too big)",
        ),
    ],
)
def test_money_is_told_in_words(told: Event, expected: str) -> None:
    assert sentence(told) == expected


def test_an_event_of_a_later_release_is_shown_by_its_name() -> None:
    assert sentence(event("review.written_again", stars=5)) == "review: written again"


def test_a_line_shows_number_time_event_and_who_did_it() -> None:
    line = Text.from_markup(timeline_line(event(EventType.JOB_SHIPPED, carrier="DHL [express]", tracking_number="42")))
    assert (
        line.plain
        == "  3  10:30:05  job.shipped               shipped with DHL [express], tracking number 42  by system"
    )


def test_the_payout_is_told_as_far_as_the_reader_may_know_it() -> None:
    for_support = event(EventType.PAYMENT_RELEASED, payout_minor=850, commission_minor=150, currency="eur")
    for_customer = event(EventType.PAYMENT_RELEASED, amount_minor=1000, currency="eur")
    assert sentence(for_support) == "8.50 EUR to the provider, 1.50 EUR commission"
    assert sentence(for_customer) == "10.00 EUR released"


def test_whose_move_it_is_comes_with_its_deadline() -> None:
    step = NextStep(who=WaitingOn.CUSTOMER, what="pay 12.99 EUR", by=AT)
    assert next_line(step) == "waiting for customer: pay 12.99 EUR, until 2026-11-21 10:30:05 UTC"
    assert next_line(NextStep(who=WaitingOn.NOBODY, what="everything is done")) == "[green]everything is done[/]"
