"""A Stripe simulator of the gateway tests' own, a scripted stand-in, and a gateway to either."""

from collections.abc import AsyncIterator, Iterator

import pytest

from fulfil.gateways.stripe.gateway import StripeGateway
from tests.gateways.stripe_stub import StripeStub
from tests.simulators.processes import API_KEY, SimulatorProcess
from tests.simulators.stripe_http import StripeHttp
from tests.simulators.webhook_receiver import WebhookReceiver


@pytest.fixture(scope="session")
def simulator_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """A simulator whose switches these tests may turn."""
    process = SimulatorProcess(tmp_path_factory.mktemp("gateways") / "stripe.db")
    process.start()
    yield process
    process.stop()


@pytest.fixture
async def simulator(simulator_process: SimulatorProcess) -> AsyncIterator[StripeHttp]:
    """Looks behind the gateway's back; every switch is back in place afterwards."""
    http = StripeHttp(simulator_process.url)
    yield http
    for path in ("/faults", "/webhooks/faults", "/webhook"):
        await http.admin("DELETE", path)
    await http.client.aclose()


@pytest.fixture
async def gateway(simulator_process: SimulatorProcess) -> AsyncIterator[StripeGateway]:
    """The gateway under test, through the official SDK."""
    gateway = StripeGateway(api_key=API_KEY, api_base=simulator_process.url)
    yield gateway
    await gateway.close()


@pytest.fixture
async def receiver(simulator: StripeHttp) -> AsyncIterator[WebhookReceiver]:
    """The simulator's webhook endpoint."""
    with WebhookReceiver() as receiver:
        await simulator.admin("POST", "/webhook", {"url": receiver.url})
        yield receiver
        await simulator.admin("DELETE", "/webhook")


@pytest.fixture
def stub() -> Iterator[StripeStub]:
    """A Stripe that answers as it is told."""
    with StripeStub() as stub:
        yield stub


@pytest.fixture
async def scripted(stub: StripeStub) -> AsyncIterator[StripeGateway]:
    """A gateway to it."""
    gateway = StripeGateway(api_key=API_KEY, api_base=stub.url)
    yield gateway
    await gateway.close()
