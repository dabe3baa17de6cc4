"""A simulator inside the test, whose real time stands still, so that only the test moves its clock."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from fulfil.simulators.stripe.server import SimulatorOptions, create_app
from tests.simulators.processes import API_KEY, WEBHOOK_SECRET
from tests.simulators.stripe.answers import conforms
from tests.simulators.stripe.till import Till

NOON = 1_790_000_000.0


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    """A new simulator with an empty balance."""
    app = create_app(SimulatorOptions(tmp_path / "stripe.db", WEBHOOK_SECRET), lambda: NOON)
    async with app.router.lifespan_context(app):
        http = Till("http://stripe.test")
        await http.client.aclose()
        transport = httpx.ASGITransport(app)
        http.client = httpx.AsyncClient(
            transport=transport,
            base_url="http://stripe.test",
            auth=(API_KEY, ""),
            event_hooks={"response": [conforms]},
        )
        yield http
        await http.client.aclose()
