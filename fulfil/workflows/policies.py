"""Timeouts and retries by class of work; call sites name one and never write a literal."""

from datetime import timedelta
from typing import TypedDict

from temporalio.common import RetryPolicy


class LocalOptions(TypedDict):
    """Options of a local activity."""

    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta
    retry_policy: RetryPolicy


class RemoteOptions(TypedDict):
    """Options of an activity."""

    task_queue: str
    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta
    retry_policy: RetryPolicy


class HeartbeatingOptions(RemoteOptions):
    """Options of an activity that says it is alive."""

    heartbeat_timeout: timedelta


# Below the 10 s workflow task: beyond it each local activity costs heartbeats, so the step moves to the queue.
DB_LOCAL = LocalOptions(
    start_to_close_timeout=timedelta(seconds=3),
    schedule_to_close_timeout=timedelta(seconds=8),
    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_interval=timedelta(seconds=1)),
)
DB = RemoteOptions(
    task_queue="orders",
    start_to_close_timeout=timedelta(seconds=15),
    schedule_to_close_timeout=timedelta(hours=1),
    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=30)),
)
# The gateway's own time-out is 20 s; a retry carries the same idempotency key.
MONEY = RemoteOptions(
    task_queue="payments",
    start_to_close_timeout=timedelta(seconds=45),
    schedule_to_close_timeout=timedelta(hours=20),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5), maximum_attempts=100
    ),
)
# A note must arrive whenever the database is back, however late.
NOTE = RemoteOptions(
    task_queue="orders",
    start_to_close_timeout=timedelta(seconds=15),
    schedule_to_close_timeout=timedelta(days=365),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5)),
)
# Pages of the provider's books: heartbeats tell that it goes on, and the next cycle waits until this one is through.
RECONCILE = HeartbeatingOptions(
    task_queue="payments",
    start_to_close_timeout=timedelta(minutes=30),
    schedule_to_close_timeout=timedelta(days=1),
    heartbeat_timeout=timedelta(seconds=30),
    # An attempt keeps what it has mended, so that a provider that fails now and then is got through soon.
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)),
)
# Every provider is looked at, in batches that heartbeat; the next round waits until this one is through.
UPKEEP = HeartbeatingOptions(
    task_queue="orders",
    start_to_close_timeout=timedelta(minutes=30),
    schedule_to_close_timeout=timedelta(days=1),
    heartbeat_timeout=timedelta(seconds=30),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)),
)
# A net under the events of a dispute that is with the bank.
LOOK_AT_CHARGEBACK = timedelta(days=3)
# A job whose money a chargeback holds looks again this often, should the signal that frees it have been lost.
FROZEN_LOOK = timedelta(days=1)
