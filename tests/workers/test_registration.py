"""No activity of any port is forgotten, and none is offered twice."""

import importlib
import inspect
import pkgutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from temporalio.worker import Worker

from fulfil.gateways.storage import ObjectStorage
from fulfil.gateways.stripe.gateway import StripeGateway
from fulfil.kit.database import Database
from fulfil.kit.isolation import Isolation
from fulfil.kit.temporal import connect_temporal
from fulfil.models.messages.documents import PlatformIdentity
from fulfil.workers import geometry, integrations, orders, payments
from fulfil.workers.registration import CACHED_WORKFLOWS, FOLLOWERS, NoPortError, activities_of, is_abstract
from fulfil.workflows import policies, ports
from fulfil.workflows.ids import TASK_QUEUES
from fulfil.workflows.ports.support import SupportActivities


def port_classes() -> list[type]:
    modules = [
        importlib.import_module(f"{ports.__name__}.{found.name}") for found in pkgutil.iter_modules(ports.__path__)
    ]
    return [
        member
        for module in modules
        for _, member in inspect.getmembers(module, inspect.isabstract)
        if member.__module__ == module.__name__
    ]


def declared_activities() -> list[str]:
    return [name for port in port_classes() for name, member in vars(port).items() if is_abstract(member)]


@pytest.fixture
async def workers(temporal_dev: str, worker_database: Database, tmp_path: Path) -> list[Worker]:
    client = await connect_temporal(address=temporal_dev)
    gateway = StripeGateway(api_key="sk_test_nothing")
    storage = ObjectStorage.from_url(tmp_path.as_uri())
    return [
        orders.build(client, worker_database),
        payments.build(client, worker_database, gateway, PlatformIdentity()),
        integrations.build(client, worker_database),
        geometry.build(client, worker_database, storage, Isolation(), None),
    ]


def options(worker: Worker) -> dict[str, Any]:
    """What the worker was made with."""
    return dict(worker.config())


def registered(worker: Worker) -> list[str]:
    """Names of its activities, which in this project are those of the methods."""
    return [found.__name__ for found in options(worker)["activities"]]


async def test_every_abstract_activity_is_registered_by_exactly_one_worker(workers: list[Worker]) -> None:
    counted = Counter(name for worker in workers for name in registered(worker))
    assert counted == Counter(declared_activities())
    assert set(counted.values()) == {1}


async def test_each_task_queue_has_its_worker(workers: list[Worker]) -> None:
    assert sorted(worker.task_queue for worker in workers) == sorted(TASK_QUEUES)


async def test_every_follower_is_an_activity_of_the_queue_it_is_started_on(workers: list[Worker]) -> None:
    for follower in FOLLOWERS:
        (worker,) = [worker for worker in workers if worker.task_queue == follower.task_queue]
        assert follower.activity in registered(worker)


async def test_every_queue_a_policy_names_has_a_worker(workers: list[Worker]) -> None:
    named = {policies.DB["task_queue"], policies.MONEY["task_queue"], policies.NOTE["task_queue"]}
    assert named <= {worker.task_queue for worker in workers}


async def test_activities_under_way_get_time_to_end_and_geometry_gets_more(workers: list[Worker]) -> None:
    by_queue = {worker.task_queue: options(worker) for worker in workers}
    patience = {queue: made["graceful_shutdown_timeout"].total_seconds() for queue, made in by_queue.items()}
    assert patience == {"orders": 30, "payments": 30, "integrations": 30, "geometry": 300}
    assert by_queue["geometry"]["max_concurrent_activities"] == geometry.SLOTS
    assert by_queue["orders"]["max_cached_workflows"] == CACHED_WORKFLOWS


def test_an_object_without_a_port_is_refused() -> None:
    with pytest.raises(NoPortError, match="dict"):
        activities_of({})


def test_only_what_the_port_declares_is_registered() -> None:
    class Chatty(SupportActivities):
        """Has more methods than its port."""

        async def note_parking(self, request: object) -> None:
            """Port."""

        async def note_resolution(self, request: object) -> None:
            """Port."""

        async def helper(self) -> None:
            """Own."""

    assert [found.__name__ for found in activities_of(Chatty())] == ["note_parking", "note_resolution"]
