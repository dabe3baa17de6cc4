"""`fulfil order`: several things in one order, and one of them called off."""

import asyncio
import json

import pytest
from typer.testing import CliRunner, Result

from fulfil.api.schemas.orders import Order, OrderLine
from fulfil.cli.main import app
from fulfil.models.messages.orders import LineKind, OrderState
from fulfil.models.messages.payments import PaymentState
from tests.cli.scripted import Answer, ScriptedApi, scripted_api
from tests.cli.test_orders import NO_REFUNDS
from tests.cli.test_refunds import AT, LINE, ORDER, eur

SERVICE_LINE, JOB, DELIVERABLE = "lin_" + "5" * 32, "job_" + "6" * 32, "del_" + "7" * 32
QUOTES = ["quo_" + "8" * 32, "quo_" + "9" * 32]
SERVICE = "svc_" + "a" * 32


def a_line(kind: LineKind, *, state: str, actions: list[str], paid_back: int = 0) -> OrderLine:
    """A line of 50.00."""
    is_made = kind is LineKind.MADE_TO_ORDER
    return OrderLine(
        id=LINE if is_made else SERVICE_LINE,
        kind=kind,
        state=state,
        quote_id=QUOTES[0] if is_made else None,
        service_id=None if is_made else SERVICE,
        provider_id=None,
        job_id=JOB if is_made else None,
        deliverable_id=None if is_made else DELIVERABLE,
        file_id=None,
        files=[],
        title="2 x bracket.stl" if is_made else "Design of a housing",
        process="fdm" if is_made else None,
        material="PLA" if is_made else None,
        quantity=1,
        lead_time_days=5,
        amount=eur(5_000),
        refunded=eur(paid_back),
        due_at=AT,
        next=None,
        allowed_actions=actions,
    )


def an_order() -> Answer:
    """An order of a made-to-order line and a service."""
    order = Order(
        id=ORDER,
        customer_id="cus_" + "4" * 32,
        state=OrderState.IN_FULFILMENT,
        total=eur(10_000),
        payment_state=PaymentState.CAPTURED,
        payment_frozen=False,
        refunded=eur(0),
        refund_state="none",
        next=None,
        allowed_actions=[],
        cancel_reason=None,
        placed_at=AT,
        closed_at=None,
        lines=[
            a_line(LineKind.MADE_TO_ORDER, state="accepted", actions=["cancel"], paid_back=1_000),
            a_line(LineKind.SERVICE, state="in_review", actions=[]),
        ],
    )
    return Answer(body=order.model_dump_json().encode())


async def run(monkeypatch: pytest.MonkeyPatch, api: ScriptedApi, *words: str) -> Result:
    """A command, against this API."""
    monkeypatch.setenv("FULFIL_API_URL", api.url)
    monkeypatch.setenv("FULFIL_TOKEN", "t")
    return await asyncio.to_thread(CliRunner().invoke, app, ["order", *words])


async def test_every_line_is_shown_with_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted_api(an_order(), NO_REFUNDS, Answer(body=b'{"data": []}')) as api:
        shown = " ".join((await run(monkeypatch, api, "show", ORDER)).output.split())
    for word in ("2 x bracket.stl: fdm in PLA, 50.00 EUR, accepted", "10.00 EUR paid back", "in review", DELIVERABLE):
        assert word in shown


async def test_one_line_is_called_off_by_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted_api(an_order()) as api:
        done = await run(monkeypatch, api, "cancel", ORDER, "--line", LINE, "--reason", "not this one")
    assert done.exit_code == 0, done.output
    assert api.asked[0].path.endswith(f"/orders/{ORDER}/lines/{LINE}/cancel")


@pytest.mark.parametrize(("line", "exit_code", "word"), [(LINE, 0, "Would cancel"), (SERVICE_LINE, 1, "in_review")])
async def test_a_dry_run_says_whether_a_line_can_be_called_off(
    monkeypatch: pytest.MonkeyPatch, line: str, exit_code: int, word: str
) -> None:
    async with scripted_api(an_order()) as api:
        told = await run(monkeypatch, api, "cancel", ORDER, "--line", line, "--reason", "why not", "--dry-run")
    assert (told.exit_code, word in f"{told.output} {told.exception}") == (exit_code, True)
    assert [asked.method for asked in api.asked] == ["GET"]


async def test_quotes_and_services_are_ordered_together(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted_api(an_order()) as api:
        placed = await run(monkeypatch, api, "place", *QUOTES, "--service", SERVICE, "--pickup")
    assert placed.exit_code == 0, placed.output
    assert json.loads(api.asked[0].body) == {
        "lines": [{"quote_id": QUOTES[0]}, {"quote_id": QUOTES[1]}, {"service_id": SERVICE}],
        "delivery_method": "pickup",
    }


async def test_an_order_of_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted_api(an_order()) as api:
        refused = await run(monkeypatch, api, "place")
    assert refused.exit_code == 1
    assert not api.asked
