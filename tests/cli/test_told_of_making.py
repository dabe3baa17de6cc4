"""What happened in production and on the way, in words."""

from datetime import UTC, datetime

import pytest

from fulfil.cli.timeline import Event, sentence
from fulfil.models.messages.events import EventType
from fulfil.models.messages.parties import SYSTEM

AT = datetime(2026, 11, 21, 10, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        (
            EventType.JOB_DELAY_ANNOUNCED,
            {"due_at": "2026-12-24T12:00:00+00:00", "reason": "broken"},
            "it will be late: ready by 2026-12-24 12:00 UTC (broken)",
        ),
        (
            EventType.JOB_AT_RISK,
            {"due_at": "2026-12-24T12:00:00+00:00", "forecast_at": "2026-12-26T08:30:00+00:00"},
            "it may miss its date 2026-12-24 12:00 UTC; it will probably be ready 2026-12-26 08:30 UTC",
        ),
        (
            EventType.JOB_PROMISE_MOVED,
            {"due_at": "2026-12-30T12:00:00+00:00", "trouble": "deadline_missed", "by_silence": True},
            "another date holds: 2026-12-30 12:00 UTC because of the date that was missed, nobody chose",
        ),
        (
            EventType.JOB_MATERIAL_REPORTED,
            {"used": 31, "planned": 20, "unit": "g"},
            "31 g of material used, 20 planned",
        ),
        (EventType.JOB_CALLED_OFF, {"trouble": "parcel_lost"}, "called off because of parcel lost"),
        (
            EventType.SHIPMENT_CREATED,
            {"pieces": 2, "carrier": "DHL", "tracking_number": "0034"},
            "a parcel of 2 pieces is sent with DHL, tracking number 0034",
        ),
        (EventType.SHIPMENT_MOVED, {"location": "Leipzig"}, "the parcel is on its way, Leipzig"),
    ],
    ids=lambda value: value if isinstance(value, EventType) else "",
)
def test_it_reads_as_a_sentence(kind: EventType, data: dict[str, object], expected: str) -> None:
    event = Event(id=7, order_id="ord_1", sequence=3, type=kind, at=AT, actor=SYSTEM, subject="job_1", data=data)
    assert sentence(event) == expected
