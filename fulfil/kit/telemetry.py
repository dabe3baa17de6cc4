"""OpenTelemetry traces, sent by OTLP over HTTP when an address is set and otherwise not recorded at all."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

if TYPE_CHECKING:
    from fastapi import FastAPI

NOT_TRACED = "healthz,readyz,metrics"


@dataclass(frozen=True)
class Telemetry:
    """The process's tracing; `close` sends what is still waiting."""

    provider: TracerProvider | None

    async def close(self, timeout_s: float = 3) -> None:
        """Flush and stop; does nothing when no address was set."""
        if self.provider is not None:
            await asyncio.to_thread(self.provider.force_flush, int(timeout_s * 1000))
            await asyncio.to_thread(self.provider.shutdown)


def start_telemetry(*, service: str, endpoint: str, version: str = "") -> Telemetry:
    """Trace this process as `service`; `endpoint` is the collector's base address (`http://localhost:4318`)."""
    if not endpoint:
        return Telemetry(provider=None)
    address = endpoint.rstrip("/")
    if not address.endswith("/v1/traces"):
        address += "/v1/traces"
    resource = Resource.create({"service.name": service, "service.namespace": "fulfil", "service.version": version})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=address, timeout=5)))
    trace.set_tracer_provider(provider)
    return Telemetry(provider=provider)


def instrument_api(app: "FastAPI", provider: TracerProvider | None = None) -> None:
    """A span per HTTP request, parent of the workflows it starts; probes are left out."""
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415 (workers do without FastAPI)

    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider, excluded_urls=NOT_TRACED)
