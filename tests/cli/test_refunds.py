"""`fulfil refund …`: amounts as people write them, what is asked of the API, and how the commands end."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fulfil.api.schemas.orders import Order
from fulfil.api.schemas.refunds import Refund, RefundPreview
from fulfil.cli.exits import WrongUsageError
from fulfil.cli.refunds import money_of
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.payments import PaymentState
from fulfil.models.messages.refunds import RefundReason, RefundRoute, RefundState
from fulfil.models.money import Money
from tests.cli.scripted import Answer, ScriptedApi, problem, scripted_api

AT = datetime(2026, 11, 21, tzinfo=UTC)
ORDER, REFUND, LINE = "ord_" + "1" * 32, "ref_" + "2" * 32, "lin_" + "3" * 32


def eur(amount_minor: int) -> Money:
    """Cents."""
    return Money(amount_minor=amount_minor, currency="eur")


def an_order() -> Answer:
    """An order of 100.00."""
    order = Order(
        id=ORDER,
        customer_id="cus_" + "4" * 32,
        state=OrderState.CLOSED,
        total=eur(10_000),
        payment_state=PaymentState.CAPTURED,
        payment_frozen=False,
        refunded=eur(0),
        refund_state="none",
        next=None,
        allowed_actions=[],
        cancel_reason=None,
        placed_at=AT,
        closed_at=AT,
    )
    return Answer(body=order.model_dump_json().encode())


def a_refund(state: RefundState, *allowed: str) -> Answer:
    """A refund of 12.50."""
    refund = Refund(
        id=REFUND,
        order_id=ORDER,
        state=state,
        amount=eur(1_250),
        reason=RefundReason.QUALITY,
        route=RefundRoute.CARD,
        failure=None,
        needs_approval=True,
        approval_reasons=["after_release"],
        note="broken",
        reference=None,
        requested_by=None,
        decided_by=None,
        stripe_refund_id=None,
        parts=[],
        allowed_actions=list(allowed),
        requested_at=AT,
        decided_at=None,
        succeeded_at=None,
    )
    return Answer(body=refund.model_dump_json().encode())


def a_preview(*, possible: bool) -> Answer:
    """What 12.50 would do."""
    preview = RefundPreview(
        order_id=ORDER,
        possible=possible,
        amount=eur(1_250),
        refundable=eur(10_000),
        goodwill=eur(0),
        parts=[],
        needs_approval=True,
        approval_reasons=["after_release"],
        refusal=None if possible else "refund_exceeds_paid",
        refusal_detail=None if possible else "At most 10.00 EUR can be paid back.",
    )
    return Answer(body=preview.model_dump_json().encode())


async def fulfil(api: ScriptedApi, *words: str, folder: Path) -> tuple[int, str, str]:
    """Run the command as a process; exit code, output, errors."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fulfil.cli.main", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env={"FULFIL_API_URL": api.url, "FULFIL_TOKEN": "x", "FULFIL_DATA_DIR": str(folder)},
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12.50", "eur", 1_250),
        ("12", "eur", 1_200),
        ("0.01", "eur", 1),
        ("9", "jpy", 9),
        ("1.234", "bhd", 1_234),
    ],
)
def test_an_amount_is_read_in_the_orders_currency(text: str, currency: str, minor: int) -> None:
    assert money_of(text, currency) == {"amount_minor": minor, "currency": currency}


@pytest.mark.parametrize(
    ("text", "currency"),
    [("12.505", "eur"), ("1.5", "jpy"), ("0", "eur"), ("-1", "eur"), ("NaN", "eur"), ("1e999", "eur"), ("ten", "eur")],
)
def test_what_is_no_amount_of_the_currency_is_wrong_usage(text: str, currency: str) -> None:
    with pytest.raises(WrongUsageError, match="amount"):
        money_of(text, currency)


@pytest.mark.parametrize("command", [("refund", "create"), ("order", "refund")])
async def test_creating_asks_for_the_amount_and_gives_the_reason(command: tuple[str, str], tmp_path: Path) -> None:
    words = (*command, ORDER, "--amount", "12.50", "--why", "quality", "--reason", "broken", "--key", "k1")
    async with scripted_api(an_order(), a_refund(RefundState.AWAITING_APPROVAL)) as api:
        code, out, _ = await fulfil(api, *words, folder=tmp_path)
    assert (code, "awaiting_approval" in out, "after_release" in out) == (0, True, True)
    asked = api.asked[-1]
    assert (asked.method, asked.path.partition("?")[0]) == ("POST", f"/api/v1/orders/{ORDER}/refunds")
    assert asked.headers["idempotency-key"] == "k1"
    assert json.loads(asked.body) == {
        "amount": {"amount_minor": 1_250, "currency": "eur"},
        "reason": "quality",
        "shipping": False,
        "note": "broken",
    }


async def test_creating_needs_a_reason(tmp_path: Path) -> None:
    async with scripted_api(an_order()) as api:
        code, _, _ = await fulfil(api, "order", "refund", ORDER, folder=tmp_path)
    assert (code, api.asked) == (2, [])


async def test_lines_are_named_wholly_or_in_part(tmp_path: Path) -> None:
    words = ("refund", "preview", ORDER, "--line", f"{LINE}=3", "--shipping")
    async with scripted_api(an_order(), a_preview(possible=True)) as api:
        code, out, _ = await fulfil(api, *words, folder=tmp_path)
    assert (code, "12.50 EUR" in out, "Nothing was changed." in out) == (0, True, True)
    assert json.loads(api.asked[-1].body)["lines"] == [
        {"line_id": LINE, "amount": {"amount_minor": 300, "currency": "eur"}}
    ]
    assert json.loads(api.asked[-1].body)["shipping"] is True


async def test_a_dry_run_only_previews(tmp_path: Path) -> None:
    async with scripted_api(a_preview(possible=False)) as api:
        words = ("refund", "create", ORDER, "--reason", "broken", "--dry-run")
        code, out, _ = await fulfil(api, *words, folder=tmp_path)
    assert (code, "At most 10.00 EUR" in out) == (0, True)
    assert [asked.path for asked in api.asked] == [f"/api/v1/orders/{ORDER}/refunds/preview"]


async def test_a_decision_is_rehearsed_and_taken(tmp_path: Path) -> None:
    waiting = a_refund(RefundState.AWAITING_APPROVAL, "approve", "reject")
    async with scripted_api(waiting, a_refund(RefundState.REQUESTED)) as api:
        rehearsed = await fulfil(api, "refund", "approve", REFUND, "--reason", "ok", "--dry-run", folder=tmp_path)
        taken = await fulfil(api, "refund", "approve", REFUND, "--reason", "ok", "-o", "json", folder=tmp_path)
    assert "Would approve" in rehearsed[1]
    assert json.loads(taken[1])["state"] == "requested"
    assert [(asked.method, asked.path) for asked in api.asked] == [
        ("GET", f"/api/v1/refunds/{REFUND}"),
        ("POST", f"/api/v1/refunds/{REFUND}/approve"),
    ]


async def test_what_is_refused_or_unknown_ends_with_its_code(tmp_path: Path) -> None:
    async with scripted_api(problem(403, "second_person_required", detail="Somebody else decides.")) as api:
        refused = await fulfil(api, "refund", "reject", REFUND, "--reason", "no", folder=tmp_path)
    async with scripted_api(problem(404, "not_found", detail="There is no such refund.")) as api:
        unknown = await fulfil(api, "refund", "show", REFUND, folder=tmp_path)
    assert (refused[0], "second_person_required" in refused[2]) == (1, True)
    assert unknown[0] == 3


async def test_a_failed_refund_is_sent_by_bank(tmp_path: Path) -> None:
    words = ("refund", "reroute", REFUND, "--route", "bank", "--reference", "SEPA 1", "--reason", "card is gone")
    async with scripted_api(a_refund(RefundState.SENT)) as api:
        code, _, _ = await fulfil(api, *words, folder=tmp_path)
    assert code == 0
    assert json.loads(api.asked[0].body) == {"route": "bank", "reason": "card is gone", "reference": "SEPA 1"}
