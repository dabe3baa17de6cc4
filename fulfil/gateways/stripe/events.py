"""The events of the last 30 days, for those whose webhook never came."""

from collections.abc import AsyncIterator, Awaitable, Sequence
from datetime import datetime

import stripe
from stripe.params import EventListParams

from fulfil.gateways.stripe.base import PAGE_SIZE, StripeCalls
from fulfil.gateways.stripe.errors import StripeUnavailableError
from fulfil.gateways.stripe.webhooks import NotAnEventError, StripeEvent, event_of

# Stripe filters by so many types at once.
TYPES_PER_QUERY = 20


class EventCalls(StripeCalls):
    """What a webhook would have said."""

    async def list_events(self, *, since: datetime, types: Sequence[str] = ()) -> AsyncIterator[StripeEvent]:
        """Every event made at `since` or later, newest first; of the given types only, if any."""
        wanted = frozenset(types)

        def page(after: str | None) -> Awaitable[stripe.ListObject[stripe.Event]]:
            query: EventListParams = {"created": {"gte": int(since.timestamp())}, "limit": PAGE_SIZE}
            if 0 < len(wanted) <= TYPES_PER_QUERY:
                query["types"] = sorted(wanted)
            if after:
                query["starting_after"] = after
            return self._client.v1.events.list_async(query)

        async for event in self._pages(page):
            if not wanted or event.type in wanted:
                yield _read(event)


def _read(event: stripe.Event) -> StripeEvent:
    try:
        return event_of(event.to_dict(for_json=True))
    except NotAnEventError as error:
        raise StripeUnavailableError(f"{event.id} is not an event of Stripe's") from error
