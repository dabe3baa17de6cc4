"""Traces: from the HTTP request through the workflow to its activity, and to a collector by setting."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio import activity, workflow
from temporalio.worker import Worker

from fulfil.kit.telemetry import instrument_api, start_telemetry
from fulfil.kit.temporal import connect_temporal

TASK_QUEUE = "traced"


@activity.defn
async def measure_part(name: str) -> str:
    return name.upper()


@workflow.defn(name="Traced", sandboxed=False)
class TracedWorkflow:
    """One activity."""

    @workflow.run
    async def run(self, name: str) -> str:
        return await workflow.execute_activity(measure_part, name, start_to_close_timeout=timedelta(seconds=5))


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Spans of this process, collected in memory by the global provider, which is put back afterwards."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield exporter
    provider.shutdown()


async def test_one_trace_goes_from_the_request_through_the_workflow_to_its_activity(
    temporal_dev: str, exported: InMemorySpanExporter
) -> None:
    client = await connect_temporal(address=temporal_dev)
    app = FastAPI()
    instrument_api(app)

    @app.get("/parts/{name}")
    async def read_part(name: str) -> str:
        return await client.execute_workflow(TracedWorkflow.run, name, id=f"traced-{name}", task_queue=TASK_QUEUE)

    @app.get("/healthz")
    async def healthz() -> str:
        return "ok"

    async with (
        Worker(client, task_queue=TASK_QUEUE, workflows=[TracedWorkflow], activities=[measure_part]),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as http,
    ):
        assert (await http.get("/parts/gear")).json() == "GEAR"
        await http.get("/healthz")

    spans = {span.name: span for span in exported.get_finished_spans()}
    request, ran = spans["GET /parts/{name}"], spans["RunActivity:measure_part"]
    assert spans["RunWorkflow:Traced"]
    assert {span.context.trace_id for span in spans.values() if span.context} == {trace_id(request)}
    assert ancestry(ran, list(spans.values()))[-1] == "GET /parts/{name}"
    assert "GET /healthz" not in spans


def trace_id(span: ReadableSpan) -> int:
    context = span.get_span_context()
    assert context is not None
    return context.trace_id


def ancestry(span: ReadableSpan, spans: list[ReadableSpan]) -> list[str]:
    """Names from the span up to the root."""
    by_id = {other.context.span_id: other for other in spans if other.context}
    names = [span.name]
    while span.parent is not None:
        span = by_id[span.parent.span_id]
        names.append(span.name)
    return names


async def test_spans_reach_the_collector_when_the_process_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
            del format, args

    server = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(trace, "set_tracer_provider", list[TracerProvider]().append)
    telemetry = start_telemetry(service="fulfil-api", endpoint=f"http://127.0.0.1:{server.server_port}/")
    assert telemetry.provider is not None
    with telemetry.provider.get_tracer("test").start_as_current_span("place order"):
        pass
    await telemetry.close()
    server.shutdown()
    assert [path for path, _ in received] == ["/v1/traces"]
    assert b"place order" in received[0][1]
    assert b"fulfil-api" in received[0][1]


async def test_without_an_address_nothing_is_traced() -> None:
    telemetry = start_telemetry(service="fulfil-api", endpoint="")
    assert telemetry.provider is None
    await telemetry.close()
