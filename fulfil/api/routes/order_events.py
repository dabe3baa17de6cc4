"""The timeline of an order, as a list or live."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import Response, StreamingResponse

from fulfil.api.access import Principal, Scope
from fulfil.api.actions import ENDED
from fulfil.api.context import ApiContext
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
    """What happened to an order, oldest first; a stream goes on until the order has ended."""
    after = starting_after if last_event_id is None else last_event_id
    async with context.begin() as session:
        state = await may_see_order(session, caller, order_id)
        if state is None:
            raise not_found("order")
        streaming = EVENT_STREAM in accept
        events = (
            []
            if streaming and state not in ENDED
            else await read_events(session, order_id, after=after, limit=limit + 1)
        )
    if streaming:
        return _stream(context, order_id, after, over=state in ENDED and not events)
    return Page(data=events[:limit], has_more=len(events) > limit)


def _stream(context: ApiContext, order_id: str, after: int, *, over: bool) -> Response:
    if over:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return StreamingResponse(
        stream_events(context, order_id, after), media_type=EVENT_STREAM, headers={"X-Accel-Buffering": "no"}
    )
