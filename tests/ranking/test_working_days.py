"""Days on which a provider works, in her own time zone."""

from datetime import UTC, datetime, timedelta

import pytest

from fulfil.ranking.facts import Closure
from fulfil.ranking.working_days import working_days
from tests.ranking.samples import provider

TUESDAY_NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
OFFICE = ((540, 1020),) * 5 + (None, None)
WEEK = timedelta(days=7)


@pytest.mark.parametrize(
    ("zone", "days"),
    [("UTC", 6), ("Asia/Tokyo", 5), ("Pacific/Honolulu", 5)],
)
def test_today_counts_while_its_hours_are_not_over_where_she_is(zone: str, days: int) -> None:
    found = working_days(provider(hours=OFFICE, time_zone=zone), TUESDAY_NOON, TUESDAY_NOON + WEEK, 99)
    assert found == days


def test_a_closure_takes_the_days_it_covers_whole() -> None:
    closed = Closure(datetime(2030, 1, 2, 9, tzinfo=UTC), datetime(2030, 1, 3, 16, tzinfo=UTC))
    assert working_days(provider(hours=OFFICE, closures=(closed,)), TUESDAY_NOON, TUESDAY_NOON + WEEK, 99) == 5


def test_without_a_calendar_she_works_every_day_and_counting_stops_at_enough() -> None:
    assert working_days(provider(), TUESDAY_NOON, TUESDAY_NOON + WEEK, 3) == 3
    assert working_days(provider(hours=OFFICE), TUESDAY_NOON, TUESDAY_NOON + WEEK, 2) == 2
    assert working_days(provider(), TUESDAY_NOON, TUESDAY_NOON, 3) == 0


def test_who_closed_this_morning_does_not_work_this_afternoon() -> None:
    closed = Closure(TUESDAY_NOON - timedelta(hours=2), TUESDAY_NOON + timedelta(days=2))
    assert (
        working_days(provider(hours=OFFICE, closures=(closed,)), TUESDAY_NOON, TUESDAY_NOON + timedelta(days=1), 1) == 0
    )
    assert working_days(provider(closures=(closed,)), TUESDAY_NOON, TUESDAY_NOON + timedelta(days=1), 1) == 0


def test_two_closures_one_after_the_other_take_a_day() -> None:
    noon = TUESDAY_NOON + timedelta(days=1)
    halves = (Closure(noon, noon + timedelta(hours=6)), Closure(noon - timedelta(hours=6), noon))
    assert working_days(provider(hours=OFFICE, closures=halves), TUESDAY_NOON, TUESDAY_NOON + WEEK, 99) == 5
