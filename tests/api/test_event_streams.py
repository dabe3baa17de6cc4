"""Live timelines: resumed without a gap or a repetition, by hundreds at once."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import uvicorn
from httpx_sse import aconnect_sse
from sqlalchemy import text

from fulfil.api.access import Principal
from fulfil.api.streaming import stream_events
from fulfil.models.messages.events import EventType
from fulfil.models.messages.orders import OrderState
from tests.api.running import Api, until
from tests.api.test_orders import set_state
from tests.api.world import Person, World


@dataclass(frozen=True)
class Frame:
    """One server-sent event, or a comment."""

    id: int | None
    event: str | None
    data: Any
    comment: str | None


def parse(frame: bytes) -> Frame:
    """Read the wire format."""
    fields = dict(line.split(": ", 1) for line in frame.decode().strip().split("\n"))
    return Frame(
        id=int(fields["id"]) if "id" in fields else None,
        event=fields.get("event"),
        data=json.loads(fields["data"]) if "data" in fields else None,
        comment=fields.get(""),
    )


async def frames(
    api: Api, reader: Person, order_id: str, after: int = 0, keepalive_s: float = 30
) -> AsyncGenerator[Frame]:
    """The events of a stream as they come."""
    caller = Principal(reader.account_id, reader.role, reader.party_id)
    async with aclosing(stream_events(api.context, caller, order_id, after, keepalive_s=keepalive_s)) as stream:
        async for chunk in stream:
            if not chunk.startswith(b"retry:"):
                yield parse(chunk)


async def test_the_list_is_oldest_first_in_pages_by_offset(api: Api, world: World, customer: Person) -> None:
    order_id = await world.order(customer)
    for number in range(4):
        await world.happen(order_id, EventType.PAYMENT_FAILED, key=f"failed:{number}", number=number)
    first = (await api.get(f"/orders/{order_id}/events", customer, params={"limit": 3})).json()
    last_id = first["data"][-1]["id"]
    rest = (await api.get(f"/orders/{order_id}/events", customer, params={"starting_after": last_id})).json()

    events = first["data"] + rest["data"]
    assert [event["sequence"] for event in events] == [1, 2, 3, 4, 5]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert set(events[0]) == {"id", "order_id", "sequence", "type", "at", "actor", "subject", "data", "next"}
    assert set(events[0]["next"]) == {"who", "what", "by"}


async def test_a_stream_begins_with_the_past_and_goes_on_with_the_present(
    api: Api, world: World, customer: Person
) -> None:
    order_id = await world.order(customer)
    async with aclosing(frames(api, customer, order_id)) as stream:
        past = await anext(stream)
        await world.happen(order_id, EventType.PAYMENT_AUTHORIZED, key="authorized")
        present = await asyncio.wait_for(anext(stream), 5)
    assert [past.event, present.event] == ["order.placed", "payment.authorized"]
    assert present.id == present.data["id"] > past.data["id"]
    await until(lambda: api.context.feed.subscriptions == 0)


async def test_a_cut_stream_resumes_without_gap_or_repetition(api: Api, world: World, customer: Person) -> None:
    order_id = await world.order(customer)
    seen: list[Frame] = []
    async with aclosing(frames(api, customer, order_id)) as stream:
        seen.append(await anext(stream))
    for number in range(5):
        await world.happen(order_id, EventType.PAYMENT_FAILED, key=f"away:{number}")
    async with aclosing(frames(api, customer, order_id, after=seen[-1].id or 0)) as stream:
        seen += [await asyncio.wait_for(anext(stream), 5) for _ in range(5)]
        await world.happen(order_id, EventType.PAYMENT_AUTHORIZED, key="live")
        seen.append(await asyncio.wait_for(anext(stream), 5))
    assert [frame.data["sequence"] for frame in seen] == list(range(1, 8))


async def test_events_written_while_streams_connect_are_neither_lost_nor_repeated(
    api: Api, world: World, customer: Person
) -> None:
    order_id = await world.order(customer)

    async def write() -> None:
        for number in range(30):
            await world.happen(order_id, EventType.PAYMENT_FAILED, key=f"busy:{number}")
        await world.happen(order_id, EventType.ORDER_EXPIRED, key="expired")

    async def follow() -> list[int]:
        return [frame.data["sequence"] async for frame in frames(api, customer, order_id)]

    writing = asyncio.create_task(write())
    following: list[asyncio.Task[list[int]]] = []
    while not writing.done():
        following.append(asyncio.create_task(follow()))
        await asyncio.wait([writing], timeout=0.01)
    seen = await asyncio.wait_for(asyncio.gather(*following), 30)
    assert len(seen) > 3
    assert {tuple(each) for each in seen} == {tuple(range(1, 33))}


@asynccontextmanager
async def served(api: Api) -> AsyncGenerator[httpx.AsyncClient]:
    """The application behind a real HTTP server."""
    server = uvicorn.Server(uvicorn.Config(api.app, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30, limits=limits) as client:
        yield client
    server.should_exit = True
    await serving


async def test_200_streams_over_http_on_one_listening_connection_miss_nothing(
    api: Api, world: World, customer: Person
) -> None:
    orders = [await world.order(customer) for _ in range(20)]
    headers = {**customer.headers, "Accept": "text/event-stream"}

    async def follow(client: httpx.AsyncClient, order_id: str) -> list[str]:
        async with aconnect_sse(client, "GET", f"/orders/{order_id}/events", headers=headers) as stream:
            return [event.event async for event in stream.aiter_sse() if event.data]

    async with served(api) as client:
        following = [asyncio.create_task(follow(client, order_id)) for order_id in orders for _ in range(10)]
        await until(lambda: api.context.feed.subscriptions == 200)
        for order_id in orders:
            await world.happen(order_id, EventType.ORDER_CANCELLING, key="cancelling")
            await world.happen(order_id, EventType.ORDER_CANCELLED, key="cancelled")
        seen = await asyncio.wait_for(asyncio.gather(*following), 30)

    assert seen == [["order.placed", "order.cancelling", "order.cancelled"]] * 200
    assert api.context.feed.subscriptions == 0


async def test_a_client_that_leaves_is_forgotten(api: Api, world: World, customer: Person) -> None:
    order_id = await world.order(customer)
    headers = {**customer.headers, "Accept": "text/event-stream"}
    async with (
        served(api) as client,
        aconnect_sse(client, "GET", f"/orders/{order_id}/events", headers=headers) as stream,
    ):
        await anext(stream.aiter_sse())
        assert api.context.feed.subscriptions == 1
        await stream.response.aclose()
        await until(lambda: api.context.feed.subscriptions == 0)


async def test_list_and_stream_tell_each_reader_what_is_meant_for_her(
    api: Api, world: World, customer: Person, supporter: Person
) -> None:
    order_id = await world.order(customer)
    await world.happen(order_id, EventType.PAYMENT_FRAUD_WARNED, key="warned", fraud_type="made_with_stolen_card")
    listed = (await api.get(f"/orders/{order_id}/events", customer)).json()["data"]
    whole = (await api.get(f"/orders/{order_id}/events", supporter)).json()["data"]
    async with aclosing(frames(api, customer, order_id)) as hers, aclosing(frames(api, supporter, order_id)) as staffs:
        seen, known = [await anext(hers)], [await anext(staffs), await anext(staffs)]
        await world.happen(order_id, EventType.PAYMENT_FRAUD_WARNED, key="again", fraud_type="misc")
        await world.happen(order_id, EventType.PAYMENT_RELEASED, key="released", payout_minor=85, currency="eur")
        seen.append(await asyncio.wait_for(anext(hers), 5))
        known += [await asyncio.wait_for(anext(staffs), 5) for _ in range(2)]

    assert [event["type"] for event in listed] == ["order.placed"]
    assert whole[1]["data"] == {"fraud_type": "made_with_stolen_card"}
    assert [frame.event for frame in seen] == ["order.placed", "payment.released"]
    assert seen[1].data["data"] == {"currency": "eur"}
    assert [frame.event for frame in known] == ["order.placed", *["payment.fraud_warned"] * 2, "payment.released"]
    assert known[3].data["data"] == {"payout_minor": 85, "currency": "eur"}


async def test_a_lost_connection_to_the_database_loses_no_event(api: Api, world: World, customer: Person) -> None:
    order_id = await world.order(customer)
    async with aclosing(frames(api, customer, order_id)) as stream:
        await anext(stream)
        api.context.feed.listening.clear()
        async with world.begin() as session:
            await session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE query LIKE 'LISTEN%' AND datname = current_database()"
                )
            )
        await world.happen(order_id, EventType.PAYMENT_AUTHORIZED, key="unheard")
        frame = await asyncio.wait_for(anext(stream), 10)
    assert frame.event == "payment.authorized"


async def test_a_quiet_stream_is_kept_alive_by_comments(api: Api, world: World, customer: Person) -> None:
    order_id = await world.order(customer)
    async with aclosing(frames(api, customer, order_id, keepalive_s=0.05)) as stream:
        await anext(stream)
        assert (await asyncio.wait_for(anext(stream), 5)).comment == "keepalive"


async def test_a_stream_ends_with_the_order_and_tells_not_to_come_back(
    api: Api, world: World, customer: Person
) -> None:
    order_id = await world.order(customer)
    await world.happen(order_id, EventType.ORDER_EXPIRED, key="expired")
    await set_state(world, order_id, OrderState.EXPIRED)
    headers = {"Accept": "text/event-stream"}

    whole = await api.get(f"/orders/{order_id}/events", customer, headers=headers)
    chunks = [parse(chunk.encode()) for chunk in whole.text.split("\n\n")[1:-1]]
    last_id = str(chunks[-1].id)
    rest = await api.get(f"/orders/{order_id}/events", customer, headers={**headers, "Last-Event-ID": last_id})

    assert whole.headers["content-type"].startswith("text/event-stream")
    assert [chunk.event for chunk in chunks] == ["order.placed", "order.expired"]
    assert (rest.status_code, rest.text) == (204, "")


async def test_what_comes_after_the_end_of_an_order_is_streamed_too(api: Api, world: World, customer: Person) -> None:
    order_id = await world.order(customer)
    await world.happen(order_id, EventType.ORDER_EXPIRED, key="expired")
    await world.happen(order_id, EventType.PAYMENT_REFUNDED, key="refunded", amount_minor=1299, currency="eur")
    await set_state(world, order_id, OrderState.EXPIRED)
    headers = {"Accept": "text/event-stream"}

    whole = [parse(chunk.encode()) for chunk in (await stream(api, order_id, customer, headers)).split("\n\n")[1:-1]]
    resumed = await stream(api, order_id, customer, {**headers, "Last-Event-ID": str(whole[1].id)})

    assert [frame.event for frame in whole] == ["order.placed", "order.expired", "payment.refunded"]
    assert [parse(chunk.encode()).event for chunk in resumed.split("\n\n")[1:-1]] == ["payment.refunded"]


async def stream(api: Api, order_id: str, reader: Person, headers: dict[str, str]) -> str:
    """A stream that ends by itself."""
    return (await asyncio.wait_for(api.get(f"/orders/{order_id}/events", reader, headers=headers), 10)).text


@pytest.mark.parametrize("last_id", ["x", "-1", str(2**63), "1; DROP TABLE events"])
async def test_an_odd_last_event_id_is_refused(api: Api, world: World, customer: Person, last_id: str) -> None:
    order_id = await world.order(customer)
    headers = {"Accept": "text/event-stream", "Last-Event-ID": last_id}
    response = await api.get(f"/orders/{order_id}/events", customer, headers=headers)
    assert (response.status_code, response.json()["param"].lower()) == (422, "last-event-id")
