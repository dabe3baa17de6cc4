"""A time-skipping server for each test: a clock shared with another test's orders would run away."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from fulfil.workflows.attributes import SEARCH_ATTRIBUTES
from tests.workflows.fakes import World
from tests.workflows.playing import Play, workers

TYPES = {
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "Datetime": IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
    "KeywordList": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
}


@pytest.fixture
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    """A server whose clock jumps over idle time."""
    binary = Path(sys.executable).parent / "temporal-test-server"
    async with await WorkflowEnvironment.start_time_skipping(
        data_converter=pydantic_data_converter, test_server_existing_path=str(binary)
    ) as environment:
        await environment.client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=environment.client.namespace,
                search_attributes={name: TYPES[kind] for name, kind in SEARCH_ATTRIBUTES.items()},
            )
        )
        yield environment


@pytest.fixture
async def world(skipping: WorkflowEnvironment) -> World:
    """Ten providers, everything works."""
    return World(client=skipping.client, now=skipping.get_current_time)


@pytest.fixture
async def play(skipping: WorkflowEnvironment, world: World) -> AsyncIterator[Play]:
    """One order on running workers."""
    async with workers(skipping.client, world):
        yield Play(skipping.client, world, skipping)
