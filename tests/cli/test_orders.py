"""`fulfil order show`: the money of an order in words."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner, Result

from fulfil.api.schemas.orders import Order, Payment
from fulfil.cli.main import app
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.payments import PaymentState
from fulfil.models.messages.refunds import RefundState
from fulfil.models.money import Money
from tests.cli.scripted import Answer, ScriptedApi, problem, scripted_api
from tests.cli.test_documents import DOCUMENT
from tests.cli.test_refunds import AT, ORDER, REFUND, a_refund, eur

NO_REFUNDS = Answer(body=b'{"data": [], "has_more": false}')


def an_order(
    state: PaymentState, *, refunded: Money | None = None, frozen: bool = False, ended: bool = False
) -> Answer:
    """An order of 100.00 whose payment is in this state."""
    captured = state is PaymentState.CAPTURED
    payment = Payment(
        state=state,
        amount=eur(10_000),
        refunded=refunded or eur(0),
        decline_code="insufficient_funds" if state is PaymentState.FAILED else None,
        authorized_at=AT if captured else None,
        captured_at=AT if captured else None,
        payment_intent_id="pi_1",
        client_secret=None,
        publishable_key=None,
    )
    order = Order(
        id=ORDER,
        customer_id="cus_" + "4" * 32,
        state=OrderState.CLOSED if ended else OrderState.IN_FULFILMENT,
        total=eur(10_000),
        payment_state=state,
        payment_frozen=frozen,
        refunded=refunded or eur(0),
        refund_state="partly_refunded" if refunded else "none",
        next=None,
        allowed_actions=[],
        cancel_reason=None,
        placed_at=AT,
        closed_at=datetime(2026, 12, 1, tzinfo=UTC) if ended else None,
        payment=payment,
    )
    return Answer(body=order.model_dump_json().encode())


async def show(monkeypatch: pytest.MonkeyPatch, api: ScriptedApi, *more: str) -> Result:
    """The command, against this API."""
    monkeypatch.setenv("FULFIL_API_URL", api.url)
    monkeypatch.setenv("FULFIL_TOKEN", "token")
    return await asyncio.to_thread(CliRunner().invoke, app, ["order", "show", ORDER, *more])


async def test_money_refunds_and_documents_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    refunds = Answer(body=b'{"data": [%s], "has_more": false}' % a_refund(RefundState.AWAITING_APPROVAL).body)
    papers = Answer(body=json.dumps({"data": [DOCUMENT]}).encode())
    order = an_order(PaymentState.CAPTURED, refunded=eur(3_000), frozen=True)
    async with scripted_api(order, refunds, papers) as api:
        told = (await show(monkeypatch, api)).output
    assert "100.00 EUR on 2026-11-21, held " in told
    assert "paid back" in told
    assert "30.00 EUR" in told
    assert "a chargeback or inquiry is open: nothing is released or refunded" in told
    assert f"{REFUND} 12.50 EUR awaiting approval" in told
    assert "CRN-2026-000011 credit note" in told


async def test_after_the_end_nothing_is_said_to_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted_api(
        an_order(PaymentState.CAPTURED, ended=True), NO_REFUNDS, Answer(body=b'{"data": []}')
    ) as api:
        told = (await show(monkeypatch, api)).output
    assert "100.00 EUR on 2026-11-21" in told
    assert "held" not in told
    assert "frozen" not in told


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (PaymentState.REQUIRES_PAYMENT, "not yet"),
        (PaymentState.AUTHORIZED, "reserved by the bank, not taken yet"),
        (PaymentState.CAPTURED, "100.00 EUR on 2026-11-21, held until the work is approved"),
        (PaymentState.FAILED, "insufficient_funds"),
        (PaymentState.CANCELLED, "nothing was taken"),
    ],
)
async def test_whether_it_is_paid_is_told(monkeypatch: pytest.MonkeyPatch, state: PaymentState, words: str) -> None:
    async with scripted_api(an_order(state), NO_REFUNDS, Answer(body=b'{"data": []}')) as api:
        assert words in (await show(monkeypatch, api)).output


async def test_a_key_without_the_documents_scope_sees_the_order_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    forbidden = problem(403, "scope_missing", detail="This API key lacks documents:read.")
    async with scripted_api(an_order(PaymentState.AUTHORIZED), NO_REFUNDS, forbidden) as api:
        shown = await show(monkeypatch, api)
    assert shown.exit_code == 0
    assert "documents" not in shown.output


async def test_json_is_the_order_as_the_api_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted_api(an_order(PaymentState.CAPTURED)) as api:
        shown = await show(monkeypatch, api, "-o", "json")
    assert json.loads(shown.output)["payment"]["state"] == "captured"
    assert len(api.asked) == 1
