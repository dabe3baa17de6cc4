"""Connecting to Temporal, search attributes, and what an activity's log lines carry."""

import asyncio
import io
import json
import logging
import uuid
from datetime import timedelta

import pytest
import structlog
from pydantic import BaseModel
from temporalio import activity
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.worker import Worker

from fulfil.kit import temporal as kit
from fulfil.kit.logging import configure_logging
from fulfil.kit.temporal import connect_temporal, missing_search_attributes, register_search_attributes, value_type


class WeighPart(BaseModel):
    """A message with an id and something else."""

    order_id: str
    grams: int


@activity.defn
async def weigh_part(request: WeighPart) -> int:
    structlog.stdlib.get_logger("scales").info("weighing")
    return request.grams


async def test_an_activity_logs_its_name_and_the_ids_of_its_message(temporal_dev: str) -> None:
    client = await connect_temporal(address=temporal_dev)
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logging(service="fulfil-test", stream=stream)
    try:
        async with Worker(client, task_queue="scales", activities=[weigh_part]):
            await client.execute_activity(
                weigh_part,
                WeighPart(order_id="ord_1", grams=3),
                id=uuid.uuid4().hex,
                task_queue="scales",
                start_to_close_timeout=timedelta(seconds=5),
            )
    finally:
        root.handlers, root.level = before, level
        structlog.reset_defaults()
    (line,) = [json.loads(text) for text in stream.getvalue().splitlines() if "weighing" in text]
    assert (line["activity"], line["order_id"]) == ("weigh_part", "ord_1")
    assert "grams" not in line


async def test_missing_search_attributes_are_registered_once(temporal_dev: str) -> None:
    client = await connect_temporal(address=temporal_dev)
    wanted = {"OrderId": "Keyword", "TestColours": "KeywordList", "TestDue": "Datetime"}
    missing = await missing_search_attributes(client, wanted)
    assert set(missing) == {"TestColours", "TestDue"}
    assert await register_search_attributes(client, wanted) == missing
    assert await register_search_attributes(client, wanted) == {}


def test_a_type_of_search_attribute_is_spelled_as_the_server_does() -> None:
    assert value_type("KeywordList") == IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST
    assert value_type("Datetime") == IndexedValueType.INDEXED_VALUE_TYPE_DATETIME


async def test_a_patient_connection_succeeds_once_temporal_is_there(
    temporal_dev: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    connecting = asyncio.create_task(kit.connect_temporal_patiently())
    done, _ = await asyncio.wait([connecting], timeout=0.4)
    assert not done
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_dev)
    client = await asyncio.wait_for(connecting, 10)
    assert await client.service_client.check_health()
