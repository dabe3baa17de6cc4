"""What every worker shares: all activities of a port by enumeration, the options, the followers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.common import ActivityIDConflictPolicy, RetryPolicy
from temporalio.service import RPCError
from temporalio.worker import Interceptor, Worker

from fulfil.workflows.ids import (
    DELIVERABLE_REPORT_RELAY,
    INTEGRATIONS,
    JOB_REPORT_RELAY,
    PAYMENTS,
    STRIPE_EVENT_RELAY,
)

PORTS = "fulfil.workflows.ports."
IO_SHUTDOWN = timedelta(seconds=30)
GEOMETRY_SHUTDOWN = timedelta(minutes=5)
CACHED_WORKFLOWS = 1000
FOLLOWER_LIFETIME = timedelta(days=3650)
FOLLOWER_HEARTBEAT = timedelta(seconds=10)
FOLLOWER_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=5))
CHECK_FOLLOWERS_EVERY_S = 60.0

log = structlog.stdlib.get_logger(__name__)

Activity = Callable[..., Awaitable[Any]]


class NoPortError(TypeError):
    """An object was to be registered that implements no port."""


def activities_of(*implementations: object) -> list[Activity]:
    """Every activity of the ports that these objects implement, so that none can be forgotten."""
    return [
        getattr(implementation, name) for implementation in implementations for name in _activity_names(implementation)
    ]


def _activity_names(implementation: object) -> list[str]:
    ports = [base for base in type(implementation).__mro__ if base.__module__.startswith(PORTS)]
    if not ports:
        raise NoPortError(f"{type(implementation).__name__} implements no port")
    return sorted({name for port in ports for name, member in vars(port).items() if is_abstract(member)})


def is_abstract(member: object) -> bool:
    """Whether a class attribute was declared with `@abstractmethod`."""
    return bool(getattr(member, "__isabstractmethod__", False))


def io_worker(
    client: Client,
    task_queue: str,
    *,
    activities: Sequence[Activity],
    workflows: Sequence[type] = (),
    interceptors: Sequence[Interceptor] = (),
) -> Worker:
    """A worker whose activities wait for the network: many at once, half a minute to end."""
    return Worker(
        client,
        task_queue=task_queue,
        activities=activities,
        workflows=workflows,
        interceptors=interceptors,
        build_id=build_id(),
        max_cached_workflows=CACHED_WORKFLOWS,
        graceful_shutdown_timeout=IO_SHUTDOWN,
    )


def build_id() -> str:
    """This release, for the workers' lists; the SDK would otherwise read and hash every module of the process."""
    return f"fulfil-{version('fulfil')}"


@dataclass(frozen=True)
class Follower:
    """A standalone activity that runs for ever: one at a time in the whole installation, under a fixed id."""

    activity: str
    id: str
    task_queue: str


FOLLOWERS = (
    Follower("relay_stripe_events", STRIPE_EVENT_RELAY, PAYMENTS),
    Follower("relay_job_reports", JOB_REPORT_RELAY, INTEGRATIONS),
    Follower("relay_deliverable_reports", DELIVERABLE_REPORT_RELAY, INTEGRATIONS),
)


async def keep_following(client: Client, follower: Follower) -> None:
    """Start the follower unless it runs, and look again every minute, in case somebody ended it."""
    while True:
        try:
            await client.start_activity(
                follower.activity,
                id=follower.id,
                task_queue=follower.task_queue,
                start_to_close_timeout=FOLLOWER_LIFETIME,
                heartbeat_timeout=FOLLOWER_HEARTBEAT,
                retry_policy=FOLLOWER_RETRY,
                id_conflict_policy=ActivityIDConflictPolicy.USE_EXISTING,
            )
        except RPCError as error:
            log.warning("can't see to the follower", follower=follower.id, cause=str(error))
        await asyncio.sleep(CHECK_FOLLOWERS_EVERY_S)
