"""What happened while a provider was looked for, in words."""

from collections.abc import Callable, Mapping

from fulfil.cli.told_of_making import Data, told
from fulfil.models.messages.events import EventType
from fulfil.models.money import format_money


def _terms(data: Data) -> str:
    amount, currency = data.get("amount_minor"), data.get("currency")
    price = f" for {format_money(amount, currency)}" if isinstance(amount, int) and isinstance(currency, str) else ""
    return f"{told(data, 'lead_time_days', ' in {} days')}{price}"


SENTENCES: Mapping[str, Callable[[Data], str]] = {
    EventType.JOB_OFFERED_BY_SUPPORT: lambda data: f"support asked a provider{told(data, 'reason', ': {}')}",
    EventType.JOB_COUNTERED: lambda data: f"a provider would do it{_terms(data)}{told(data, 'note', ': {}')}",
    EventType.JOB_COUNTER_TAKEN: lambda data: f"the counter-offer was taken{_terms(data)}",
    EventType.JOB_COUNTER_DECLINED: lambda _: "the counter-offer was declined",
    EventType.JOB_COUNTER_WITHDRAWN: lambda _: "the counter-offer was withdrawn",
}
GOOD = (EventType.JOB_COUNTER_TAKEN,)
