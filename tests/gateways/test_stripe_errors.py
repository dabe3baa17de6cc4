"""Each answer of Stripe's means one of three things: no, later, or a person must look."""

from typing import Any

import pytest

from fulfil.gateways.stripe.errors import (
    CardDeclinedError,
    StripeMisconfiguredError,
    StripeRefusedError,
    StripeUnavailableError,
)
from fulfil.gateways.stripe.facts import Decline
from fulfil.gateways.stripe.gateway import StripeGateway
from tests.gateways.stripe_stub import REPLAYED, StripeStub

CUSTOMER = {"id": "cus_1", "object": "customer", "metadata": {"customer_id": "customer_1", "key": "k"}}
NOBODY: dict[str, Any] = {"object": "list", "data": [], "has_more": False, "url": "/v1/customers"}


@pytest.mark.parametrize(
    ("status", "headers", "wait_s"),
    [
        (429, {}, None),
        (429, {"Retry-After": "7"}, 7.0),
        (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        (429, {"Retry-After": "nan"}, None),
        (429, {"Retry-After": "-1"}, None),
        (409, {}, 1.0),
        (409, {"Retry-After": "0.5"}, 0.5),
        (409, {"Retry-After": "0"}, 0.0),
        (500, {}, None),
        (502, {}, None),
        (500, {"Stripe-Should-Retry": "false"}, None),
        (503, {"Retry-After": "30"}, 30.0),
        (400, {"Stripe-Should-Retry": "true", "Retry-After": "2"}, 2.0),
    ],
)
async def test_trouble_says_when_to_ask_again(
    stub: StripeStub, scripted: StripeGateway, status: int, headers: dict[str, str], wait_s: float | None
) -> None:
    stub.will_fail(status, headers=headers)
    with pytest.raises(StripeUnavailableError) as unavailable:
        await scripted.create_customer(customer_id="customer_1", idempotency_key="k")
    assert unavailable.value.retry_after_s == wait_s
    assert [asked.key for asked in stub.asked] == ["k"]


async def test_wrong_credentials_are_never_worth_a_retry_whatever_the_header_says(
    stub: StripeStub, scripted: StripeGateway
) -> None:
    stub.will_fail(401, headers={"Stripe-Should-Retry": "true"})
    with pytest.raises(StripeMisconfiguredError):
        await scripted.create_customer(customer_id="customer_1", idempotency_key="k")


async def test_a_stored_failure_is_looked_up_before_the_next_key(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_fail(500, headers=REPLAYED)
    stub.will_answer(NOBODY)
    stub.will_answer(CUSTOMER)
    assert await scripted.create_customer(customer_id="customer_1", idempotency_key="k") == "cus_1"
    assert [(asked.method, asked.key) for asked in stub.asked] == [
        ("POST", "k"),
        ("GET", None),
        ("POST", "k:after_500:1"),
    ]


async def test_an_effect_behind_a_stored_failure_is_found_on_a_later_page(
    stub: StripeStub, scripted: StripeGateway
) -> None:
    other = {**CUSTOMER, "id": "cus_2", "metadata": {"key": "another"}}
    stub.will_fail(500, headers=REPLAYED)
    stub.will_answer({**NOBODY, "data": [other], "has_more": True})
    stub.will_answer({**NOBODY, "data": [CUSTOMER], "has_more": True})
    assert await scripted.create_customer(customer_id="customer_1", idempotency_key="k") == "cus_1"
    assert stub.asked[2].query == {"limit": "100", "starting_after": "cus_2"}
    assert len(stub.asked) == 3


async def test_a_failure_while_looking_is_trouble_and_takes_no_further_key(
    stub: StripeStub, scripted: StripeGateway
) -> None:
    stub.will_fail(500, headers=REPLAYED)
    stub.will_fail(429, headers={"Retry-After": "3"})
    with pytest.raises(StripeUnavailableError) as unavailable:
        await scripted.create_customer(customer_id="customer_1", idempotency_key="k")
    assert unavailable.value.retry_after_s == 3
    assert [asked.method for asked in stub.asked] == ["POST", "GET"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, {"type": "invalid_request_error"}),
        (403, {"type": "invalid_request_error", "code": "more_permissions_required"}),
        (400, {"type": "idempotency_error"}),
    ],
)
async def test_keys_and_permissions_are_for_a_person(
    stub: StripeStub, scripted: StripeGateway, status: int, error: dict[str, object]
) -> None:
    stub.will_fail(status, error=error)
    with pytest.raises(StripeMisconfiguredError):
        await scripted.create_customer(customer_id="customer_1", idempotency_key="k")


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (400, {"type": "invalid_request_error", "code": "balance_insufficient"}, "balance_insufficient"),
        (400, {"type": "invalid_request_error", "code": "charge_disputed"}, "charge_disputed"),
        (400, {"type": "invalid_request_error"}, "invalid_request_error"),
        (404, {"type": "invalid_request_error", "code": "resource_missing"}, "resource_missing"),
    ],
)
async def test_a_refusal_carries_its_code(
    stub: StripeStub, scripted: StripeGateway, status: int, error: dict[str, object], code: str
) -> None:
    stub.will_fail(status, error=error)
    with pytest.raises(StripeRefusedError) as refused:
        await scripted.create_customer(customer_id="customer_1", idempotency_key="k")
    assert refused.value.code == code


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[]", b'"no"', b"null"])
async def test_an_answer_that_is_not_stripes_is_trouble(stub: StripeStub, scripted: StripeGateway, body: bytes) -> None:
    stub.will_answer(body, 400)
    with pytest.raises(StripeUnavailableError):
        await scripted.create_customer(customer_id="customer_1", idempotency_key="k")


async def test_a_decline_carries_the_advice_of_the_bank(stub: StripeStub, scripted: StripeGateway) -> None:
    error = {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": "do_not_honor",
        "advice_code": "do_not_try_again",
        "message": "Your card was declined.",
    }
    stub.will_fail(402, error=error)
    with pytest.raises(CardDeclinedError) as declined:
        await scripted.charge_saved_card("pi_1", payment_method="pm_1", idempotency_key="k")
    assert declined.value.decline == Decline(
        "card_declined", "do_not_honor", "do_not_try_again", "Your card was declined."
    )
    assert not declined.value.decline.is_soft


@pytest.mark.parametrize(
    ("code", "decline_code", "advice", "soft", "authentication"),
    [
        ("card_declined", "insufficient_funds", None, True, False),
        ("card_declined", "insufficient_funds", "try_again_later", True, False),
        ("card_declined", "insufficient_funds", "do_not_try_again", False, False),
        ("card_declined", "do_not_honor", None, True, False),
        ("card_declined", "do_not_honor", "confirm_card_data", False, False),
        ("card_declined", "generic_decline", None, False, False),
        ("card_declined", "generic_decline", "try_again_later", True, False),
        ("card_declined", "lost_card", "try_again_later", False, False),
        ("card_declined", "stolen_card", None, False, False),
        ("card_declined", "issuer_not_available", None, True, False),
        ("processing_error", "processing_error", None, True, False),
        ("expired_card", "expired_card", None, False, False),
        ("authentication_required", "authentication_required", None, False, True),
        ("card_declined", "authentication_required", "try_again_later", False, True),
    ],
)
def test_a_decline_says_whether_the_same_card_may_work_later(
    code: str, decline_code: str, advice: str | None, *, soft: bool, authentication: bool
) -> None:
    decline = Decline(code, decline_code, advice, "No.")
    assert (decline.is_soft, decline.needs_authentication) == (soft, authentication)
