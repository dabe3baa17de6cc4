"""On how many days of a span a provider works, by her calendar in her own time zone."""

from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from fulfil.ranking.facts import Closure, ProviderFacts

DAY = timedelta(days=1)
WHOLE_DAY = (0, 24 * 60)
EVERY_DAY = (WHOLE_DAY,) * 7

Hours = tuple[tuple[int, int] | None, ...]


def working_days(provider: ProviderFacts, begins: datetime, ends: datetime, enough: int) -> int:
    """Days with working hours between two moments that no closure covers, counted up to `enough`.

    A day counts while its hours are not over; hours that begin after the end don't, and only what lies between counts.
    """
    if provider.hours is None and not provider.closures:
        return enough if begins < ends else 0
    hours = provider.hours or EVERY_DAY
    if not provider.closures:
        return _usual_days(provider.time_zone, hours, begins, ends, enough)
    return _days(provider.time_zone, hours, provider.closures, (begins, ends), enough)


@lru_cache(maxsize=1024)
def _usual_days(time_zone: str, hours: Hours, begins: datetime, ends: datetime, enough: int) -> int:
    """Most providers share a few calendars, and a decision asks all of them about the same span."""
    return _days(time_zone, hours, (), (begins, ends), enough)


def _days(
    time_zone: str, hours: Hours, closures: tuple[Closure, ...], span: tuple[datetime, datetime], enough: int
) -> int:
    zone, (begins, ends) = ZoneInfo(time_zone), span
    day = begins.astimezone(zone).date()
    found = 0
    while found < enough:
        midnight = datetime.combine(day, time(), tzinfo=zone)
        if midnight >= ends:
            break
        worked = hours[day.weekday()]
        if worked is not None:
            opens, closes = (midnight + timedelta(minutes=minute) for minute in worked)
            if closes > begins and opens < ends and not _closed(closures, max(opens, begins), min(closes, ends)):
                found += 1
        day += DAY
    return found


def _closed(closures: tuple[Closure, ...], opens: datetime, closes: datetime) -> bool:
    for closure in sorted(closures, key=_begin):
        if closure.starts_at <= opens < closure.ends_at:
            opens = closure.ends_at  # what is left of the day; another may follow on
    return opens >= closes


def _begin(closure: Closure) -> datetime:
    return closure.starts_at
