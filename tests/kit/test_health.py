"""The small HTTP server of the workers."""

import socket

from prometheus_client import Counter

from fulfil.kit.health import health_server, http_get

HEARTBEATS = Counter("fulfil_test_heartbeats", "Beats.")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def nothing() -> list[str]:
    return []


async def test_readiness_names_every_obstacle_and_health_does_not_care() -> None:
    obstacles = ["PostgreSQL: refused", "Temporal: not connected yet"]

    async def found() -> list[str]:
        return obstacles

    port = free_port()
    async with health_server(port, found):
        status, body = await http_get(f"127.0.0.1:{port}", "/readyz")
        assert (status, body.splitlines()) == (503, obstacles)
        assert (await http_get(f"127.0.0.1:{port}", "/healthz"))[0] == 200
        obstacles.clear()
        assert await http_get(f"127.0.0.1:{port}", "/readyz") == (200, "ready\n")


async def test_metrics_are_ours_and_those_of_the_sdk_in_one_page() -> None:
    HEARTBEATS.inc()
    sdk, port = free_port(), free_port()
    async with health_server(sdk, nothing), health_server(port, nothing, sdk_metrics=f"127.0.0.1:{sdk}"):
        status, body = await http_get(f"127.0.0.1:{port}", "/metrics")
    assert status == 200
    assert body.count("fulfil_test_heartbeats_total 1.0") == 2


async def test_metrics_are_served_while_the_sdk_has_none() -> None:
    port = free_port()
    async with health_server(port, nothing, sdk_metrics=f"127.0.0.1:{free_port()}"):
        assert (await http_get(f"127.0.0.1:{port}", "/metrics"))[0] == 200


async def test_an_unknown_path_is_404() -> None:
    port = free_port()
    async with health_server(port, nothing):
        assert (await http_get(f"127.0.0.1:{port}", "/etc/passwd"))[0] == 404


async def test_port_0_serves_nothing() -> None:
    async with health_server(0, nothing):
        pass


async def test_nobody_listening_is_status_0() -> None:
    assert await http_get(f"127.0.0.1:{free_port()}", "/") == (0, "")
