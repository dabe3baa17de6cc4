"""`kill -9` loses neither effects, nor stored answers, nor webhooks that were not delivered yet."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.simulators.processes import SimulatorProcess
from tests.simulators.stripe_http import StripeHttp
from tests.simulators.webhook_receiver import WebhookReceiver

INTENTS = "/v1/payment_intents"


@dataclass(frozen=True)
class Mortal:
    """A simulator of one test, not started yet, and a client of it."""

    process: SimulatorProcess
    http: StripeHttp


@pytest.fixture
async def mortal(tmp_path: Path) -> AsyncIterator[Mortal]:
    """Stopped however the test ends."""
    process = SimulatorProcess(tmp_path / "stripe.db")
    http = StripeHttp(process.url)
    yield Mortal(process, http)
    await http.client.aclose()
    process.stop()


async def test_what_was_answered_is_there_after_kill_9(mortal: Mortal) -> None:
    simulator, stripe, key = mortal.process, mortal.http, uuid4().hex
    simulator.start()
    first = await stripe.post(INTENTS, key, amount=5000, currency="eur")
    taken = await stripe.captured("pm_card_visa")
    simulator.kill()
    simulator.start()
    again = await stripe.post(INTENTS, key, amount=5000, currency="eur")
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert await stripe.read(f"{INTENTS}/{taken['id']}") == taken
    refund = await stripe.made("/v1/refunds", payment_intent=taken["id"])
    assert refund["amount"] == 5000


async def test_kill_9_and_lost_answers_under_load_leave_every_payment_charged_once(mortal: Mortal) -> None:
    simulator, stripe = mortal.process, mortal.http
    simulator.start()
    answered: list[str] = []
    ten_answered = asyncio.Event()

    async def pay(number: int) -> None:
        fields = {"amount": 5000, "currency": "eur", "confirm": True, "payment_method": "pm_card_visa"}
        for _ in range(100):
            try:
                answer = await stripe.post(INTENTS, f"order-{number}", return_url="https://a.b", **fields)
            except httpx.TransportError:
                await asyncio.sleep(0.1)
                continue
            if answer.status_code == 200:
                answered.append(answer.json()["id"])
                if len(answered) >= 10:
                    ten_answered.set()
                return
        pytest.fail(f"order {number} was never answered")

    lost = {"match": f"POST {INTENTS}", "mode": "drop_after", "probability": 0.4, "seed": 5}
    await stripe.admin("POST", "/faults", [lost])
    payments = [asyncio.create_task(pay(number)) for number in range(60)]
    async with asyncio.timeout(20):
        await ten_answered.wait()
    assert len(answered) < 60
    simulator.kill()
    simulator.start()
    await asyncio.gather(*payments)
    everything = await stripe.dump()
    assert len(set(answered)) == 60
    assert sorted(charge["payment_intent"] for charge in everything["charges"]) == sorted(answered)


async def test_webhooks_not_yet_delivered_survive_kill_9(mortal: Mortal) -> None:
    simulator, stripe, receiver = mortal.process, mortal.http, WebhookReceiver()
    simulator.start("--webhook-url", receiver.url)
    made = [(await stripe.payment())["id"] for _ in range(5)]
    simulator.kill()
    with receiver:
        simulator.start()
        received = await asyncio.to_thread(receiver.wait_for, lambda got: len(got) >= 5)
    subjects = {json.loads(one.body)["data"]["object"]["id"] for one in received}
    assert subjects == set(made)


async def test_an_endpoint_set_while_running_is_remembered(mortal: Mortal) -> None:
    simulator, stripe = mortal.process, mortal.http
    simulator.start()
    await stripe.admin("POST", "/webhook", {"url": "http://127.0.0.1:9/hook", "secret": "whsec_other"})
    simulator.kill()
    simulator.start()
    assert await stripe.admin("GET", "/webhook") == {"url": "http://127.0.0.1:9/hook"}


async def test_the_dump_of_an_empty_simulator_names_every_kind(mortal: Mortal) -> None:
    simulator, stripe = mortal.process, mortal.http
    simulator.start()
    everything = await stripe.dump()
    assert {"charges", "refunds", "transfers", "payment_intents", "events", "answers"} <= set(everything)
    assert not any(everything.values())
