"""The Stripe gateway under failures: one attempt is one request, and a retry never makes a second effect."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from fulfil.gateways.stripe.errors import StripeMisconfiguredError, StripeUnavailableError
from fulfil.gateways.stripe.facts import PaymentIntentFacts
from fulfil.gateways.stripe.gateway import StripeGateway
from tests.conftest import free_port
from tests.gateways.test_stripe import authorised, captured
from tests.simulators.processes import API_KEY, SimulatorProcess, until
from tests.simulators.stripe_http import StripeHttp

T = TypeVar("T")

LOST = ["drop_before", "drop_after"]
FAILED = ["error_500_before", "error_500_after"]


async def until_done(call: Callable[[], Awaitable[T]], attempts: int = 8) -> T:
    """What a retry policy does: the same call with the same key while the outcome is unknown."""
    for _ in range(attempts - 1):
        try:
            return await call()
        except StripeUnavailableError:
            continue
    return await call()


@pytest.fixture
def order_id() -> str:
    """An order of this test's own."""
    return f"ord_{uuid4().hex}"


async def fail(simulator: StripeHttp, match: str, mode: str, count: int = 1) -> None:
    """Let matching requests fail."""
    await simulator.admin("POST", "/faults", [{"match": match, "mode": mode, "count": count}])


async def of_order(simulator: StripeHttp, kind: str, order_id: str) -> list[Any]:
    """The objects of an order behind the gateway's back."""
    found = (await simulator.dump())[kind]
    return [one for one in found if order_id in {one.get("transfer_group"), one.get("metadata", {}).get("order_id")}]


@pytest.mark.parametrize("mode", [*LOST, "error_500_before", "rate_limit"])
async def test_the_sdk_itself_retries_nothing(gateway: StripeGateway, simulator: StripeHttp, mode: str) -> None:
    await fail(simulator, "GET /v1/payment_intents/.*", mode, count=50)
    with pytest.raises(StripeUnavailableError):
        await gateway.retrieve_payment_intent("pi_1")
    assert [fault["struck"] for fault in await simulator.admin("GET", "/faults")] == [1]


@pytest.mark.parametrize("mode", [*LOST, *FAILED, "rate_limit"])
async def test_a_payment_whose_answers_fail_is_charged_once(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str, mode: str
) -> None:
    await fail(simulator, "POST /v1/payment_intents", mode)
    key = f"{order_id}:payment_intent"
    intent = await until_done(
        lambda: gateway.create_payment_intent(order_id=order_id, amount_minor=5000, currency="eur", idempotency_key=key)
    )
    assert [one["id"] for one in await of_order(simulator, "payment_intents", order_id)] == [intent.id]
    await gateway.confirm_payment_intent(
        intent.id, payment_method="pm_card_visa", return_url=None, idempotency_key=f"{order_id}:pay:1"
    )
    await fail(simulator, "POST /v1/payment_intents/.*/capture", mode)
    taken = await until_done(lambda: gateway.capture_payment_intent(intent.id, idempotency_key=f"{order_id}:capture"))
    assert (taken.status, taken.fee_minor) == ("succeeded", 100)
    charges = await of_order(simulator, "charges", order_id)
    assert [(charge["captured"], charge["amount_captured"]) for charge in charges] == [(True, 5000)]


@pytest.mark.parametrize("mode", [*LOST, *FAILED])
async def test_a_confirmation_whose_answer_fails_is_done_once(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str, mode: str
) -> None:
    intent = await gateway.create_payment_intent(
        order_id=order_id, amount_minor=1299, currency="eur", idempotency_key=f"{order_id}:payment_intent"
    )
    await fail(simulator, "POST /v1/payment_intents/.*/confirm", mode)
    confirmed = await until_done(
        lambda: gateway.confirm_payment_intent(
            intent.id, payment_method="pm_card_visa", return_url=None, idempotency_key=f"{order_id}:confirm:1"
        )
    )
    assert confirmed.status == "requires_capture"
    assert len(await of_order(simulator, "charges", order_id)) == 1


@pytest.mark.parametrize("mode", [*LOST, *FAILED])
async def test_a_void_whose_answer_fails_is_done(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str, mode: str
) -> None:
    held = await authorised(gateway, order_id)
    await fail(simulator, "POST /v1/payment_intents/.*/cancel", mode)
    gone = await until_done(lambda: gateway.cancel_payment_intent(held.id, idempotency_key=f"{order_id}:void"))
    assert gone.status == "canceled"


@pytest.mark.parametrize("mode", [*LOST, *FAILED])
async def test_a_refund_whose_answer_fails_is_sent_once(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str, mode: str
) -> None:
    taken = await captured(gateway, order_id)
    await fail(simulator, "POST /v1/refunds", mode)
    refund = await until_done(
        lambda: gateway.create_refund(
            taken.id,
            refund_id="ref_1",
            order_id=order_id,
            reason="requested_by_customer",
            amount_minor=2000,
            idempotency_key=f"{order_id}:refund:1",
        )
    )
    assert [one["id"] for one in await of_order(simulator, "refunds", order_id)] == [refund.id]


@pytest.mark.parametrize("mode", [*LOST, *FAILED])
async def test_a_transfer_whose_answer_fails_is_sent_once(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str, mode: str
) -> None:
    taken = await captured(gateway, order_id)
    account = await simulator.recipient()
    await fail(simulator, "POST /v1/transfers", mode)
    transfer = await until_done(
        lambda: gateway.create_transfer(
            order_id=order_id,
            amount_minor=2000,
            currency="eur",
            destination=account,
            source_charge_id=taken.charge_id or "",
            idempotency_key=f"{order_id}:transfer",
            metadata={},
        )
    )
    assert [one["id"] for one in await of_order(simulator, "transfers", order_id)] == [transfer.id]


@pytest.mark.parametrize("mode", [*LOST, *FAILED, "rate_limit"])
async def test_a_reversal_whose_answer_fails_is_made_once(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str, mode: str
) -> None:
    taken = await captured(gateway, order_id)
    transfer = await gateway.create_transfer(
        order_id=order_id,
        amount_minor=2000,
        currency="eur",
        destination=await simulator.recipient(),
        source_charge_id=taken.charge_id or "",
        idempotency_key=f"{order_id}:transfer",
        metadata={},
    )
    await fail(simulator, "POST /v1/transfers/.*/reversals", mode)
    reversal = await until_done(
        lambda: gateway.reverse_transfer(
            transfer.id, amount_minor=500, order_id=order_id, refund_id="ref_1", idempotency_key=f"{order_id}:reverse"
        )
    )
    listed = await simulator.read(f"/v1/transfers/{transfer.id}/reversals")
    assert [one["id"] for one in listed["data"]] == [reversal.id]
    assert (await gateway.retrieve_transfer(transfer.id)).reversed_minor == 500


@pytest.mark.parametrize("mode", [*LOST, *FAILED, "rate_limit"])
async def test_a_payout_whose_answer_fails_is_sent_once(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str, mode: str
) -> None:
    await simulator.admin("POST", "/topups", {"amount": 1000, "currency": "nok"})
    await fail(simulator, "POST /v1/payouts", mode)
    payout = await until_done(
        lambda: gateway.create_payout(amount_minor=1000, currency="nok", idempotency_key=f"{order_id}:payout")
    )
    listed = await simulator.read("/v1/payouts", limit=100)
    assert [one["id"] for one in listed["data"] if one["metadata"].get("key") == f"{order_id}:payout"] == [payout.id]


@pytest.mark.parametrize("mode", [*LOST, *FAILED])
async def test_an_account_whose_answer_fails_is_made_once(
    gateway: StripeGateway, simulator: StripeHttp, mode: str
) -> None:
    provider_id = f"prv_{uuid4().hex}"
    await fail(simulator, "POST /v2/core/accounts", mode)
    account = await until_done(
        lambda: gateway.create_recipient_account(
            provider_id=provider_id, name="Maker", idempotency_key=f"{provider_id}:account"
        )
    )
    made = [one for one in (await simulator.dump())["accounts"] if one["metadata"] == {"provider_id": provider_id}]
    assert [one["id"] for one in made] == [account]


async def test_failures_in_a_row_are_survived_and_every_key_is_of_the_scheme(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str
) -> None:
    held = await authorised(gateway, order_id)
    await fail(simulator, "POST /v1/payment_intents/.*/capture", "error_500_before", count=3)
    taken = await until_done(lambda: gateway.capture_payment_intent(held.id, idempotency_key=f"{order_id}:capture"))
    assert taken.status == "succeeded"
    keys = [answer["key"] for answer in (await simulator.dump())["answers"] if "capture" in answer["key"]]
    assert [key for key in keys if order_id in key] == [
        f"{order_id}:capture",
        f"{order_id}:capture:after_500:1",
        f"{order_id}:capture:after_500:2",
        f"{order_id}:capture:after_500:3",
    ]


async def test_a_stripe_that_only_fails_is_unavailable_and_not_refused(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str
) -> None:
    held = await authorised(gateway, order_id)
    await fail(simulator, "POST /v1/payment_intents/.*/capture", "error_500_before", count=50)
    with pytest.raises(StripeUnavailableError):
        await until_done(lambda: gateway.capture_payment_intent(held.id, idempotency_key=f"{order_id}:capture"), 20)


async def test_an_answer_that_takes_too_long_is_unavailable_and_found_later(
    gateway: StripeGateway, simulator: StripeHttp, simulator_process: SimulatorProcess, order_id: str
) -> None:
    held = await authorised(gateway, order_id)
    slow = {"match": "POST /v1/payment_intents/.*/capture", "mode": "delay", "delay_s": 1.2, "count": 1}
    await simulator.admin("POST", "/faults", [slow])
    impatient = StripeGateway(api_key=API_KEY, api_base=simulator_process.url, timeout_s=0.3)
    started = time.monotonic()
    with pytest.raises(StripeUnavailableError):
        await impatient.capture_payment_intent(held.id, idempotency_key=f"{order_id}:capture")
    assert time.monotonic() - started < 1
    with pytest.raises(StripeUnavailableError):
        await gateway.capture_payment_intent(held.id, idempotency_key=f"{order_id}:capture")

    async def is_taken() -> bool:
        return (await gateway.retrieve_payment_intent(held.id)).status == "succeeded"

    await until(is_taken)
    taken = await gateway.capture_payment_intent(held.id, idempotency_key=f"{order_id}:capture")
    assert (taken.status, taken.fee_minor) == ("succeeded", 100)
    await impatient.close()


async def test_two_workers_with_one_key_make_one_refund(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str
) -> None:
    taken = await captured(gateway, order_id)
    refunds = await asyncio.gather(
        *(
            until_done(
                lambda: gateway.create_refund(
                    taken.id,
                    refund_id="ref_1",
                    order_id=order_id,
                    reason="requested_by_customer",
                    amount_minor=700,
                    idempotency_key=f"{order_id}:refund:1",
                ),
                attempts=100,
            )
            for _ in range(8)
        )
    )
    assert len({refund.id for refund in refunds}) == 1
    assert len(await of_order(simulator, "refunds", order_id)) == 1


async def test_nobody_listening_is_unavailable() -> None:
    gateway = StripeGateway(api_key=API_KEY, api_base=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(StripeUnavailableError):
        await gateway.retrieve_payment_intent("pi_1")
    await gateway.close()


@pytest.mark.parametrize("api_key", ["sk_test_wrong", "pk_test_simulator"])
async def test_wrong_credentials_are_for_a_person(simulator_process: SimulatorProcess, api_key: str) -> None:
    gateway = StripeGateway(api_key=api_key, api_base=simulator_process.url)
    with pytest.raises(StripeMisconfiguredError) as misconfigured:
        await gateway.create_payment_intent(
            order_id="ord_1", amount_minor=5000, currency="eur", idempotency_key=uuid4().hex
        )
    assert api_key not in str(misconfigured.value)
    await gateway.close()


async def test_one_key_for_two_requests_is_for_a_person(gateway: StripeGateway, order_id: str) -> None:
    async def pay(amount_minor: int) -> PaymentIntentFacts:
        return await gateway.create_payment_intent(
            order_id=order_id, amount_minor=amount_minor, currency="eur", idempotency_key=f"{order_id}:payment_intent"
        )

    await pay(5000)
    with pytest.raises(StripeMisconfiguredError):
        await pay(6000)


async def test_a_stranger_on_stripes_address_is_unavailable(simulator_process: SimulatorProcess) -> None:
    gateway = StripeGateway(api_key=API_KEY, api_base=f"{simulator_process.url}/_simulator/3ds")
    with pytest.raises(StripeUnavailableError):
        await gateway.retrieve_payment_intent("pi_1")
    await gateway.close()


ONE_CALL = """
import asyncio, sys
from fulfil.gateways.stripe.gateway import StripeGateway

async def main():
    gateway = StripeGateway(api_key=sys.argv[1], api_base=sys.argv[2])
    await gateway.create_payment_intent(order_id="o", amount_minor=100, currency="eur", idempotency_key=sys.argv[3])
    await gateway.close()

asyncio.run(main())
"""


async def test_the_sdk_writes_no_identifier_into_the_home_folder(
    simulator_process: SimulatorProcess, tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ONE_CALL, API_KEY, simulator_process.url, uuid4().hex),
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)},
    )
    assert await process.wait() == 0
    assert os.listdir(tmp_path) == []  # noqa: PTH208
