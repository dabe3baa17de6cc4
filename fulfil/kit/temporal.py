"""How every process connects to Temporal: profile from the environment, pydantic payloads, tracing, metrics."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import structlog
from pydantic import BaseModel
from temporalio import activity
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput
from temporalio.worker import Interceptor as WorkerInterceptor

DEFAULT_ADDRESS = "localhost:7233"
DEFAULT_NAMESPACE = "default"
LONGEST_PAUSE_S = 5.0

log = structlog.stdlib.get_logger(__name__)


class LogContextInterceptor(WorkerInterceptor):
    """Every line an activity logs carries its workflow's id, its own name and the ids of its message."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 (SDK's name)
        """Wrap the chain."""
        return _LogContext(next)


class _LogContext(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 (SDK's signature)
        info = activity.info()
        ids = {"activity": info.activity_type}
        if info.workflow_id:
            ids["workflow_id"] = info.workflow_id
        for message in input.args:
            if isinstance(message, BaseModel):
                ids |= {name: value for name, value in message if name.endswith("_id") and isinstance(value, str)}
        with structlog.contextvars.bound_contextvars(**ids):
            return await super().execute_activity(input)


class _ClientAndWorkerLogContext(LogContextInterceptor, ClientInterceptor):
    """Workers take over those of the client's interceptors that are worker interceptors too."""


def temporal_target() -> tuple[str, str]:
    """Address and namespace that `connect_temporal` will use."""
    options = ClientConfig.load_client_connect_config()
    return options.get("target_host") or DEFAULT_ADDRESS, options.get("namespace") or DEFAULT_NAMESPACE


async def connect_temporal(runtime: Runtime | None = None, *, lazy: bool = False, address: str = "") -> Client:
    """Connect by `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_PROFILE`, … (localhost:7233 by default).

    `address` (host:port) overrides the environment's. Raises `RuntimeError` when nothing answers; a `lazy` client
    connects with its first call instead.
    """
    options = ClientConfig.load_client_connect_config()
    options["target_host"] = address or options.get("target_host") or DEFAULT_ADDRESS
    return await Client.connect(
        **options,
        data_converter=pydantic_data_converter,
        interceptors=[TracingInterceptor(), _ClientAndWorkerLogContext()],
        runtime=runtime,
        lazy=lazy,
    )


async def connect_temporal_patiently(runtime: Runtime | None = None) -> Client:
    """Connect as soon as Temporal is there, saying in the log why not yet."""
    pause_s = 0.25
    while True:
        try:
            client = await connect_temporal(runtime)
            await client.service_client.check_health()
        except (RuntimeError, RPCError) as error:
            address, _ = temporal_target()
            log.warning("waiting for Temporal", address=address, cause=str(error), again_in_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        else:
            return client


def temporal_runtime(*, metrics_address: str = "", log_level: str = "WARN") -> Runtime:
    """The SDK's runtime: its own log lines go to ours, its metrics to Prometheus at `metrics_address` (host:port)."""
    return Runtime(
        telemetry=TelemetryConfig(
            logging=LoggingConfig(
                filter=TelemetryFilter(core_level=log_level, other_level="ERROR"),
                forwarding=LogForwardingConfig(logger=logging.getLogger("temporalio.core")),
            ),
            metrics=(
                PrometheusConfig(bind_address=metrics_address, durations_as_seconds=True) if metrics_address else None
            ),
        )
    )


async def missing_search_attributes(client: Client, wanted: Mapping[str, str]) -> dict[str, str]:
    """Those of `wanted` (name to type, such as `{"OrderState": "Keyword"}`) the namespace does not know."""
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    return {name: kind for name, kind in wanted.items() if name not in answer.custom_attributes}


async def register_search_attributes(client: Client, wanted: Mapping[str, str]) -> dict[str, str]:
    """Register what is missing and return it; another process doing the same at once is no error."""
    missing = await missing_search_attributes(client, wanted)
    if missing:
        request = AddSearchAttributesRequest(
            namespace=client.namespace, search_attributes={name: value_type(kind) for name, kind in missing.items()}
        )
        try:
            await client.operator_service.add_search_attributes(request)
        except RPCError as error:
            if error.status is not RPCStatusCode.ALREADY_EXISTS:
                raise
    return missing


def value_type(kind: str) -> IndexedValueType.ValueType:
    """`KeywordList` as the server's API numbers it."""
    words = "".join(f"_{letter}" if letter.isupper() else letter for letter in kind)
    return IndexedValueType.Value(f"INDEXED_VALUE_TYPE{words.upper()}")
