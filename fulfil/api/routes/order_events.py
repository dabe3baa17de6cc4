"""The timeline of an order, as a list or live."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import Response, StreamingResponse

from fulfil.api.access import Principal, Scope
from fulfil.api.actions import ENDED
from fulfil.api.dependencies import Context, allowed
from fulfil.api.documentation import API, ORDERS, problems
from fulfil.api.errors import not_found
from fulfil.api.readers.events import read_events
from fulfil.api.readers.orders import may_see_order
from fulfil.api.schemas.base import Page
from fulfil.api.streaming import stream_events
from fulfil.models.ids import OrderId
from fulfil.models.messages.events import TimelineEvent
from fulfil.models.messages.parties import Role

router = APIRouter(prefix=f"{API}/orders", tags=[ORDERS])

Reader = Annotated[Principal, Depends(allowed(Scope.ORDERS_READ, Role.CUSTOMER, Role.SUPPORT, Role.ADMIN))]
Offset = Annotated[int, Query(ge=0, le=2**63 - 1, description="Events beyond this id.")]
LastEventId = Annotated[
    int | None, Header(alias="Last-Event-ID", ge=0, le=2**63 - 1, description="Where a stream was cut.")
]
EVENT_STREAM = "text/event-stream"
EXAMPLE = "id: 42\nevent: order.placed\ndata: {…}\n\n"
SSE: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK.value: {
        "description": "A page of events, oldest first; or, asked for as text/event-stream, all of them live.",
        "content": {
            EVENT_STREAM: {"schema": {"type": "string"}, "example": "id: 42\nevent: order.placed\ndata: {…}\n\n"}
        },
    },
    HTTPStatus.NO_CONTENT.value: {"description": "A stream that has nothing more to say: do not reconnect."},
}


@router.get("/{order_id}/events", response_model=Page[TimelineEvent], responses={**problems(401, 403, 404), **SSE})
async def list_order_events(
    context: Context,
    caller: Reader,
    order_id: OrderId,
    starting_after: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
    last_event_id: LastEventId = None,
) -> Page[TimelineEvent] | Response:
    """What happened to an order, oldest first; a stream goes on until the order has ended.

    Staff see every event whole. Others see what concerns them: a field of `data` that is not meant for them is left
    out (the provider's share, the payment provider's words, what staff noted), persons are named by their side
    alone, and an event may be missing, so `sequence` can have gaps.
    """
    after = starting_after if last_event_id is None else last_event_id
    async with context.begin() as session:
        state = await may_see_order(session, caller, order_id)
        if state is None:
            raise not_found("order")
        streaming = EVENT_STREAM in accept
        ended = state in ENDED
        events = (
            []
            if streaming and not ended
            else await read_events(session, caller, order_id, after=after, limit=limit + 1)
        )
    if streaming:
        if ended and not events:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        frames = stream_events(context, caller, order_id, after, ended=ended)
        return StreamingResponse(frames, media_type=EVENT_STREAM, headers={"X-Accel-Buffering": "no"})
    return Page(data=events[:limit], has_more=len(events) > limit)
