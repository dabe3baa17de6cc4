"""What Prometheus can know of the API: requests by route template, latency, open streams."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("fulfil_http_requests_total", "Requests answered.", ["method", "route", "status"])
LATENCY = Histogram(
    "fulfil_http_request_seconds",
    "Time to the end of the answer; event streams are left out.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
STREAMS = Gauge("fulfil_event_streams", "Live event streams open.")

STREAMING_ROUTE = "/events"


def note_request(method: str, route: str, status: int, seconds: float) -> None:
    """One request was answered."""
    REQUESTS.labels(method, route, str(status)).inc()
    if not route.endswith(STREAMING_ROUTE):
        LATENCY.labels(method, route).observe(seconds)
