"""What each effect sends to Stripe: one POST, the caller's key and Stripe's own parameter names."""

from collections.abc import Awaitable, Callable
from dataclasses import fields
from typing import Any

import pytest
from stripe.params import DisputeUpdateParamsEvidence

from fulfil.gateways.stripe.errors import StripeRefusedError, StripeUnavailableError
from fulfil.gateways.stripe.facts import DisputeEvidence
from fulfil.gateways.stripe.gateway import StripeGateway
from tests.gateways import stripe_bodies as bodies
from tests.gateways.stripe_stub import REPLAYED, Asked, StripeStub

Call = Callable[[StripeGateway], Awaitable[object]]


PAYMENT_INTENT = bodies.payment_intent()
METHOD = bodies.payment_method(customer=None)
LOST = bodies.dispute(status="lost")
MARKED = bodies.dispute(metadata={"key": "k"})
CUSTOMER_BODY: dict[str, Any] = {"id": "cus_1", "object": "customer", "metadata": {"key": "k"}}
EXPANDED = "latest_charge.balance_transaction"
SENT: dict[str, tuple[Call, list[dict[str, Any]], str, dict[str, str]]] = {
    "payment": (
        lambda gateway: gateway.create_payment_intent(
            order_id="ord_1", amount_minor=5000, currency="eur", idempotency_key="k"
        ),
        [PAYMENT_INTENT],
        "/v1/payment_intents",
        {
            "amount": "5000",
            "currency": "eur",
            "capture_method": "manual",
            "allowed_payment_method_types[0]": "card",
            "transfer_group": "ord_1",
            "metadata[order_id]": "ord_1",
            "metadata[key]": "k",
            "expand[0]": EXPANDED,
        },
    ),
    "payment that saves the card": (
        lambda gateway: gateway.create_payment_intent(
            order_id="ord_1", amount_minor=500, currency="ugx", idempotency_key="k", customer_id="cus_1", save_card=True
        ),
        [PAYMENT_INTENT],
        "/v1/payment_intents",
        {
            "amount": "50000",
            "currency": "ugx",
            "capture_method": "manual",
            "allowed_payment_method_types[0]": "card",
            "customer": "cus_1",
            "setup_future_usage": "off_session",
            "transfer_group": "ord_1",
            "metadata[order_id]": "ord_1",
            "metadata[key]": "k",
            "expand[0]": EXPANDED,
        },
    ),
    "confirmation": (
        lambda gateway: gateway.confirm_payment_intent(
            "pi_1", payment_method="pm_1", return_url="https://shop.example/back", idempotency_key="k"
        ),
        [PAYMENT_INTENT],
        "/v1/payment_intents/pi_1/confirm",
        {"payment_method": "pm_1", "return_url": "https://shop.example/back", "expand[0]": EXPANDED},
    ),
    "charge off session": (
        lambda gateway: gateway.charge_saved_card("pi_1", payment_method="pm_1", idempotency_key="k"),
        [PAYMENT_INTENT],
        "/v1/payment_intents/pi_1/confirm",
        {
            "payment_method": "pm_1",
            "off_session": "true",
            "error_on_requires_action": "true",
            "expand[0]": EXPANDED,
        },
    ),
    "capture": (
        lambda gateway: gateway.capture_payment_intent("pi_1", idempotency_key="k"),
        [PAYMENT_INTENT],
        "/v1/payment_intents/pi_1/capture",
        {"expand[0]": EXPANDED},
    ),
    "void": (
        lambda gateway: gateway.cancel_payment_intent("pi_1", idempotency_key="k"),
        [PAYMENT_INTENT],
        "/v1/payment_intents/pi_1/cancel",
        {"expand[0]": EXPANDED},
    ),
    "refund": (
        lambda gateway: gateway.create_refund(
            "pi_1", order_id="ord_1", refund_id="ref_1", amount_minor=2000, reason="duplicate", idempotency_key="k"
        ),
        [PAYMENT_INTENT, bodies.refund()],
        "/v1/refunds",
        {
            "payment_intent": "pi_1",
            "amount": "2000",
            "reason": "duplicate",
            "metadata[order_id]": "ord_1",
            "metadata[refund_id]": "ref_1",
            "metadata[key]": "k",
            "expand[0]": "balance_transaction",
            "expand[1]": "failure_balance_transaction",
        },
    ),
    "transfer": (
        lambda gateway: gateway.create_transfer(
            order_id="ord_1",
            amount_minor=3400,
            currency="eur",
            destination="acct_1",
            source_charge_id="ch_1",
            idempotency_key="k",
            metadata={"job_id": "job_1"},
        ),
        [bodies.transfer()],
        "/v1/transfers",
        {
            "amount": "3400",
            "currency": "eur",
            "destination": "acct_1",
            "source_transaction": "ch_1",
            "transfer_group": "ord_1",
            "metadata[job_id]": "job_1",
            "metadata[order_id]": "ord_1",
            "metadata[key]": "k",
            "expand[0]": "balance_transaction",
        },
    ),
    "reversal": (
        lambda gateway: gateway.reverse_transfer(
            "tr_1", amount_minor=1000, order_id="ord_1", refund_id="ref_1", idempotency_key="k"
        ),
        [bodies.transfer(), bodies.reversal()],
        "/v1/transfers/tr_1/reversals",
        {
            "amount": "1000",
            "metadata[order_id]": "ord_1",
            "metadata[refund_id]": "ref_1",
            "metadata[key]": "k",
            "expand[0]": "balance_transaction",
        },
    ),
    "customer": (
        lambda gateway: gateway.create_customer(customer_id="customer_1", idempotency_key="k"),
        [CUSTOMER_BODY],
        "/v1/customers",
        {"metadata[customer_id]": "customer_1", "metadata[key]": "k"},
    ),
    "saving of a card": (
        lambda gateway: gateway.create_setup_intent(stripe_customer_id="cus_1", idempotency_key="k"),
        [bodies.setup_intent()],
        "/v1/setup_intents",
        {
            "customer": "cus_1",
            "usage": "off_session",
            "allowed_payment_method_types[0]": "card",
            "metadata[key]": "k",
        },
    ),
    "forgetting of a card": (
        lambda gateway: gateway.detach_card("pm_1", idempotency_key="k"),
        [METHOD],
        "/v1/payment_methods/pm_1/detach",
        {},
    ),
    "staged evidence": (
        lambda gateway: gateway.stage_evidence(
            "dp_1", evidence=DisputeEvidence(shipping_carrier="DHL"), submit=False, idempotency_key="k"
        ),
        [MARKED],
        "/v1/disputes/dp_1",
        {"evidence[shipping_carrier]": "DHL", "submit": "false", "metadata[key]": "k"},
    ),
    "submitted evidence": (
        lambda gateway: gateway.stage_evidence("dp_1", evidence=DisputeEvidence(), submit=True, idempotency_key="k"),
        [MARKED],
        "/v1/disputes/dp_1",
        {"submit": "true", "metadata[key]": "k"},
    ),
    "accepted dispute": (
        lambda gateway: gateway.accept_dispute("dp_1", idempotency_key="k"),
        [LOST],
        "/v1/disputes/dp_1/close",
        {},
    ),
    "payout": (
        lambda gateway: gateway.create_payout(amount_minor=100_000, currency="eur", idempotency_key="k"),
        [bodies.payout()],
        "/v1/payouts",
        {
            "amount": "100000",
            "currency": "eur",
            "metadata[key]": "k",
            "expand[0]": "balance_transaction",
            "expand[1]": "failure_balance_transaction",
        },
    ),
}
# Behind a stored failure, the objects that show the effect: lists and single objects as they are asked for.
FOUND: dict[str, list[dict[str, Any]]] = {
    "payment": [bodies.page(PAYMENT_INTENT), PAYMENT_INTENT],
    "payment that saves the card": [bodies.page(PAYMENT_INTENT), PAYMENT_INTENT],
    "confirmation": [PAYMENT_INTENT],
    "charge off session": [PAYMENT_INTENT],
    "capture": [PAYMENT_INTENT],
    "void": [bodies.payment_intent(status="canceled")],
    "refund": [bodies.page(bodies.refund(metadata={"key": "other"}), bodies.refund())],
    "transfer": [bodies.page(bodies.transfer(metadata={}), bodies.transfer())],
    "reversal": [bodies.page(bodies.reversal())],
    "customer": [bodies.page(CUSTOMER_BODY)],
    "saving of a card": [bodies.page(bodies.setup_intent())],
    "forgetting of a card": [METHOD],
    "staged evidence": [MARKED],
    "submitted evidence": [MARKED],
    "accepted dispute": [LOST],
    "payout": [bodies.page(bodies.payout())],
}


def posts(stub: StripeStub) -> list[Asked]:
    """The requests that may have an effect."""
    return [asked for asked in stub.asked if asked.method == "POST"]


@pytest.mark.parametrize("name", SENT)
async def test_an_effect_is_one_post_with_the_callers_key(stub: StripeStub, scripted: StripeGateway, name: str) -> None:
    call, answers, path, expected = SENT[name]
    for answer in answers:
        stub.will_answer(answer)
    await call(scripted)
    ((sent),) = posts(stub)
    assert (sent.path, sent.key, sent.fields) == (path, "k", expected)
    assert sent.headers["Stripe-Version"].startswith("2026-10-28")
    assert len(stub.asked) == len(answers)


@pytest.mark.parametrize("name", SENT)
async def test_an_effect_behind_a_stored_failure_is_found_and_not_repeated(
    stub: StripeStub, scripted: StripeGateway, name: str
) -> None:
    call, answers, _, _ = SENT[name]
    for before in answers[:-1]:
        stub.will_answer(before)
    stub.will_fail(500, headers=REPLAYED)
    for found in FOUND[name]:
        stub.will_answer(found)
    await call(scripted)
    assert [asked.key for asked in posts(stub)] == ["k"]
    assert len(stub.asked) == len(answers) + len(FOUND[name])


@pytest.mark.parametrize("name", SENT)
async def test_without_an_answer_nothing_is_sent_again(stub: StripeStub, scripted: StripeGateway, name: str) -> None:
    call, answers, _, _ = SENT[name]
    for before in answers[:-1]:
        stub.will_answer(before)
    stub.will_fail(503)
    with pytest.raises(StripeUnavailableError):
        await call(scripted)
    assert [asked.key for asked in posts(stub)] == ["k"]


async def test_an_onboarding_link_is_asked_for_in_json(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_answer(
        {
            "object": "v2.core.account_link",
            "account": "acct_1",
            "url": "https://connect.stripe.example/setup/1",
            "expires_at": "2026-11-21T12:05:00.000Z",
        }
    )
    link = await scripted.create_onboarding_link(
        "acct_1", refresh_url="https://a.example/again", return_url="https://a.example/back", idempotency_key="k"
    )
    (sent,) = stub.asked
    assert (sent.method, sent.path, sent.key) == ("POST", "/v2/core/account_links", "k")
    assert sent.headers["Content-Type"] == "application/json"
    assert sent.json == {
        "account": "acct_1",
        "use_case": {
            "type": "account_onboarding",
            "account_onboarding": {
                "refresh_url": "https://a.example/again",
                "return_url": "https://a.example/back",
            },
        },
    }
    assert (link.url, link.expires_at.isoformat()) == (
        "https://connect.stripe.example/setup/1",
        "2026-11-21T12:05:00+00:00",
    )


async def test_a_file_goes_up_in_parts_with_its_name(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_answer({"id": "file_1", "object": "file", "purpose": "dispute_evidence"})
    uploaded = await scripted.upload_evidence_file(
        name="proof of delivery.pdf", content=b"%PDF-1.7 \x00\xff", content_type="application/pdf", idempotency_key="k"
    )
    (sent,) = stub.asked
    assert (uploaded, sent.path, sent.key) == ("file_1", "/v1/files", "k")
    assert sent.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'name="purpose"\r\n\r\ndispute_evidence' in sent.body
    assert b'name="file"; filename="proof of delivery.pdf"' in sent.body
    assert b"%PDF-1.7 \x00\xff\r\n" in sent.body


async def test_a_file_behind_a_stored_failure_is_sent_whole_again(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_fail(500, headers=REPLAYED)
    stub.will_answer({"id": "file_1", "object": "file", "purpose": "dispute_evidence"})
    await scripted.upload_evidence_file(
        name="receipt.png", content=b"picture", content_type="image/png", idempotency_key="k"
    )
    assert [asked.key for asked in stub.asked] == ["k", "k:after_500:1"]
    assert all(b"picture" in asked.body for asked in stub.asked)


@pytest.mark.parametrize(
    ("content", "content_type", "code"),
    [
        (b"GIF89a", "image/gif", "invalid_file_type"),
        (b"<svg/>", "image/svg+xml", "invalid_file_type"),
        (b"0" * 4_500_001, "image/png", "file_too_large"),
    ],
)
async def test_a_file_no_bank_would_read_is_not_sent(
    stub: StripeStub, scripted: StripeGateway, content: bytes, content_type: str, code: str
) -> None:
    with pytest.raises(StripeRefusedError) as refused:
        await scripted.upload_evidence_file(
            name="proof", content=content, content_type=content_type, idempotency_key="k"
        )
    assert (refused.value.code, stub.asked) == (code, [])


def test_evidence_has_stripes_names() -> None:
    ours = {field.name for field in fields(DisputeEvidence)}
    assert DisputeUpdateParamsEvidence.__annotations__.keys() - ours == {"appeal", "enhanced_evidence"}
    assert ours <= DisputeUpdateParamsEvidence.__annotations__.keys()


async def test_all_evidence_that_was_given_is_sent_and_nothing_else(stub: StripeStub, scripted: StripeGateway) -> None:
    names = [field.name for field in fields(DisputeEvidence)]
    stub.will_answer(MARKED)
    await scripted.stage_evidence(
        "dp_1", evidence=DisputeEvidence(**{name: f"my {name}" for name in names}), submit=True, idempotency_key="k"
    )
    (sent,) = stub.asked
    given = {name: value for name, value in sent.fields.items() if name.startswith("evidence")}
    assert given == {f"evidence[{name}]": f"my {name}" for name in names}


@pytest.mark.parametrize(("amount_minor", "currency"), [(1, "kwd"), (12_345, "bhd")])
async def test_an_amount_stripe_cannot_carry_is_not_sent(
    stub: StripeStub, scripted: StripeGateway, amount_minor: int, currency: str
) -> None:
    with pytest.raises(StripeRefusedError, match="amount_not_representable"):
        await scripted.create_payment_intent(
            order_id="ord_1", amount_minor=amount_minor, currency=currency, idempotency_key="k"
        )
    with pytest.raises(StripeRefusedError, match="amount_not_representable"):
        await scripted.create_payout(amount_minor=amount_minor, currency=currency, idempotency_key="k")
    assert stub.asked == []


async def test_a_refund_is_counted_in_the_currency_of_its_payment(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_answer(bodies.payment_intent(currency="ugx", amount=500_000))
    stub.will_answer(bodies.refund(currency="ugx", amount=50_000, balance_transaction=None))
    facts = await scripted.create_refund(
        "pi_1",
        refund_id="ref_1",
        order_id="ord_1",
        reason="requested_by_customer",
        amount_minor=500,
        idempotency_key="k",
    )
    assert posts(stub)[0].fields["amount"] == "50000"
    assert facts.amount_minor == 500
