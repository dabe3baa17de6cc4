"""Clients of the shared simulator, and a simulator of this folder's own for faults and webhooks."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.conftest import RunningSimulator
from tests.simulators.processes import SimulatorProcess
from tests.simulators.stripe_http import StripeHttp
from tests.simulators.webhook_receiver import WebhookReceiver


@pytest.fixture(scope="session")
async def stripe(stripe_simulator: RunningSimulator) -> AsyncIterator[StripeHttp]:
    """The shared simulator; a test reads only what it made."""
    http = StripeHttp(stripe_simulator.url)
    yield http
    await http.client.aclose()


@pytest.fixture(scope="session")
def lab_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """A simulator whose switches these tests may turn."""
    process = SimulatorProcess(tmp_path_factory.mktemp("lab") / "stripe.db")
    process.start()
    yield process
    process.stop()


@pytest.fixture
async def lab(lab_process: SimulatorProcess) -> AsyncIterator[StripeHttp]:
    """A client of the lab; every switch is back in place afterwards."""
    http = StripeHttp(lab_process.url)
    yield http
    for path in ("/faults", "/webhooks/faults", "/webhook"):
        await http.admin("DELETE", path)
    await http.client.aclose()


@pytest.fixture
async def receiver(lab: StripeHttp) -> AsyncIterator[WebhookReceiver]:
    """The lab's webhook endpoint."""
    with WebhookReceiver() as receiver:
        await lab.admin("POST", "/webhook", {"url": receiver.url})
        yield receiver
        await lab.admin("DELETE", "/webhook")
