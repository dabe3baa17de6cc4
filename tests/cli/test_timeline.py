"""Events in words."""

from datetime import UTC, datetime

import pytest
from rich.text import Text

from fulfil.cli.timeline import SENTENCES, Event, next_line, sentence, timeline_line
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.parties import SYSTEM, WaitingOn

AT = datetime(2026, 11, 21, 10, 30, 5, tzinfo=UTC)


def event(kind: str, **data: object) -> Event:
    """An event of this kind."""
    return Event(id=7, order_id="ord_1", sequence=3, type=kind, at=AT, actor=SYSTEM, subject="ord_1", data=data)


@pytest.mark.parametrize("kind", EventType)
def test_every_event_has_a_sentence_even_without_data(kind: EventType) -> None:
    assert kind in SENTENCES
    assert sentence(event(kind)).strip()


def test_an_event_of_a_later_release_is_shown_by_its_name() -> None:
    assert sentence(event("review.written_again", stars=5)) == "review: written again"


def test_a_line_shows_number_time_event_and_who_did_it() -> None:
    line = Text.from_markup(timeline_line(event(EventType.JOB_SHIPPED, carrier="DHL [express]", tracking_number="42")))
    assert (
        line.plain
        == "  3  10:30:05  job.shipped              shipped with DHL [express], tracking number 42  by system"
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


@pytest.mark.parametrize(
    ("kind", "ends"),
    [(EventType.ORDER_CLOSED, True), (EventType.ORDER_EXPIRED, True), (EventType.ORDER_CANCELLING, False)],
)
def test_a_watcher_stops_with_the_order(kind: EventType, ends: bool) -> None:
    assert event(kind).ends_the_order is ends
