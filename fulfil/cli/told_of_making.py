"""What happened while a job was made and sent, in words."""

from collections.abc import Callable, Mapping

from fulfil.models.messages.events import EventType

Data = Mapping[str, object]

TROUBLES = {
    "delay_announced": "the delay that was announced",
    "deadline_missed": "the date that was missed",
    "parcel_lost": "the parcel that was lost",
}


def told(data: Data, name: str, phrase: str = "{}") -> str:
    """The field in its phrase, or nothing when it is not told."""
    return phrase.format(data[name]) if data.get(name) not in (None, "") else ""


def day(data: Data, name: str, phrase: str) -> str:
    """A moment to the minute, in its phrase."""
    return phrase.format(str(data[name])[:16].replace("T", " ") + " UTC") if data.get(name) else ""


def _parcel(data: Data) -> str:
    return f"{told(data, 'carrier', ' with {}')}{told(data, 'tracking_number', ', tracking number {}')}"


def _moved(data: Data) -> str:
    trouble = TROUBLES.get(str(data.get("trouble")), "")
    why = f" because of {trouble}" if trouble else ""
    return f"another date holds{day(data, 'due_at', ': {}')}{why}{', nobody chose' if data.get('by_silence') else ''}"


SENTENCES: Mapping[str, Callable[[Data], str]] = {
    EventType.JOB_GIVEN_UP: lambda data: f"given back by its provider{told(data, 'reason', ': {}')}",
    EventType.JOB_DELAY_ANNOUNCED: lambda data: (
        f"it will be late{day(data, 'due_at', ': ready by {}')}{told(data, 'reason', ' ({})')}"
    ),
    EventType.JOB_AT_RISK: lambda data: (
        f"it may miss its date{day(data, 'due_at', ' {}')}{day(data, 'forecast_at', '; it will probably be ready {}')}"
    ),
    EventType.JOB_DEADLINE_MISSED: lambda data: f"it missed its date{day(data, 'due_at', ' {}')}",
    EventType.JOB_PROMISE_MOVED: _moved,
    EventType.JOB_REMAKE_BEGUN: lambda data: f"made anew{told(data, 'reason', ': {}')}",
    EventType.JOB_MATERIAL_REPORTED: lambda data: (
        f"{told(data, 'used', '{} ')}{told(data, 'unit', '{} ')}of material used{told(data, 'planned', ', {} planned')}"
    ),
    EventType.JOB_READY_FOR_PICKUP: lambda data: f"ready to be picked up{told(data, 'address', ': {}')}",
    EventType.JOB_CALLED_OFF: lambda data: (
        f"called off{told(data, 'trouble', ' because of {}').replace('_', ' ')}{told(data, 'reason', ' ({})')}"
    ),
    EventType.SHIPMENT_CREATED: lambda data: f"a parcel{told(data, 'pieces', ' of {} pieces')} is sent{_parcel(data)}",
    EventType.SHIPMENT_PICKED_UP: lambda data: f"the carrier has the parcel{told(data, 'location', ', {}')}",
    EventType.SHIPMENT_MOVED: lambda data: (
        f"the parcel is on its way{told(data, 'location', ', {}')}{told(data, 'note', ' ({})')}"
    ),
    EventType.SHIPMENT_DELIVERED: lambda data: f"the parcel was delivered{told(data, 'note', ': {}')}",
    EventType.SHIPMENT_LOST: lambda data: f"the parcel is lost{told(data, 'note', ': {}')}",
    EventType.SHIPMENT_RETURNED: lambda data: f"the parcel comes back{told(data, 'note', ': {}')}",
}
BAD = (EventType.JOB_DEADLINE_MISSED, EventType.JOB_CALLED_OFF, EventType.SHIPMENT_LOST)
ODD = (
    EventType.JOB_GIVEN_UP,
    EventType.JOB_DELAY_ANNOUNCED,
    EventType.JOB_AT_RISK,
    EventType.JOB_PROMISE_MOVED,
    EventType.JOB_REMAKE_BEGUN,
    EventType.SHIPMENT_RETURNED,
)
GOOD = (EventType.JOB_READY_FOR_PICKUP, EventType.SHIPMENT_DELIVERED)
