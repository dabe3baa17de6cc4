"""When a job will probably be ready."""

from datetime import UTC, datetime, timedelta

import pytest

from fulfil.forecasts.readiness import Promised, Reached, forecast_ready_at

DAY = timedelta(days=1)
BEGAN = datetime(2026, 3, 2, 8, tzinfo=UTC)
# Ten days promised: five of them are expected to be work.
PROMISED = Promised(BEGAN, BEGAN + 10 * DAY)


@pytest.mark.parametrize(
    ("started", "reports", "now", "ready"),
    [
        (None, [], 2, 7),
        (None, [], 8, 13),
        (1, [], 2, 6),
        (1, [], 7, 12),
        (1, [(3, 50)], 3, 5),
        (1, [(2, 50), (5, 80)], 5, 6),
        (1, [(5, 10)], 5, 41),
        (1, [(3, 50)], 8, 10.5),
        (1, [(3, 0)], 3, 8),
        (1, [(4, 100)], 6, 6),
    ],
    ids=[
        "not started: the work lies ahead",
        "not started late: so does it then",
        "started: as long as expected",
        "started and silent for too long: all of it from now on",
        "half in two days: the other half takes as long",
        "the pace is that of all that was done",
        "slow: far too late",
        "silent beyond her own pace: the half that is left, from now on",
        "nothing done yet",
        "done",
    ],
)
def test_the_pace_goes_on_and_silence_counts(
    started: float | None, reports: list[tuple[float, int]], now: float, ready: float
) -> None:
    forecast = forecast_ready_at(
        PROMISED,
        None if started is None else BEGAN + started * DAY,
        [Reached(BEGAN + day * DAY, percent) for day, percent in reports],
        BEGAN + now * DAY,
    )
    assert forecast == BEGAN + ready * DAY


def test_a_report_in_the_moment_of_the_start_is_no_pace() -> None:
    assert forecast_ready_at(PROMISED, BEGAN, [Reached(BEGAN, 50)], BEGAN) == BEGAN + 2.5 * DAY
