"""What `fulfil stuck` tells of money: refunds and chargebacks that wait for somebody."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from fulfil.kit.clock import utc_now
from fulfil.models.messages.chargebacks import ChargebackState
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.refunds import RefundState
from fulfil.models.tables.payments import RefundRow
from tests.api.refunds_kept import add_paid_order, add_refund
from tests.api.running import Api
from tests.api.test_chargebacks import charge_back
from tests.api.world import Person, World


async def stuck(api: Api, supporter: Person) -> list[dict[str, Any]]:
    """The answer."""
    found: list[dict[str, Any]] = (await api.get("/support/stuck", supporter)).json()["data"]
    return found


async def test_refunds_that_wait_are_listed_and_others_are_not(
    api: Api, world: World, customer: Person, supporter: Person
) -> None:
    order_id = await add_paid_order(world, customer)
    failed = await add_refund(world, order_id, state=RefundState.FAILED)
    async with world.begin() as session:
        await session.execute(
            update(RefundRow).values(failure="lost_or_stolen_card", updated_at=utc_now() - timedelta(hours=1))
        )
    asked = await add_refund(world, order_id)
    for state in (RefundState.SENT, RefundState.SUCCEEDED, RefundState.REJECTED):
        await add_refund(world, order_id, state=state, amount_minor=100)

    one, two = await stuck(api, supporter)

    assert (one["kind"], one["step"], one["order_id"], one["owner"]) == ("refund", failed, order_id, "support")
    assert one["cause"] == "a refund of 3.00 EUR failed: lost_or_stolen_card"
    assert one["allowed_actions"] == ["reroute", "reject"]
    assert one["command"] == f"fulfil refund reroute {failed} --route credit --reason '…'"
    assert (two["kind"], two["step"], two["allowed_actions"]) == ("refund", asked, ["approve", "reject"])
    assert two["command"] == f"fulfil refund approve {asked} --reason '…'"
    assert "second person" in two["next_action"]


@pytest.mark.parametrize("order_state", [OrderState.IN_FULFILMENT, OrderState.CLOSED])
async def test_a_chargeback_that_needs_an_answer_is_listed_whatever_became_of_the_order(
    api: Api, world: World, customer: Person, supporter: Person, order_state: OrderState
) -> None:
    order_id = await world.order(customer, state=order_state)
    chargeback_id = await charge_back(world, order_id)

    (found,) = await stuck(api, supporter)

    assert (found["kind"], found["step"], found["owner"]) == ("chargeback", chargeback_id, "support")
    assert found["cause"].startswith("chargeback of 12.99 EUR (product_not_received), to be answered by ")
    assert found["allowed_actions"] == ["evidence", "submit", "accept"]
    assert found["command"] == f"fulfil chargeback submit {chargeback_id} --reason '…'"


@pytest.mark.parametrize(
    ("traits", "owner"),
    [
        ({"staged_at": None}, "system"),
        ({"state": ChargebackState.UNDER_REVIEW, "stripe_status": "appeal_needs_response"}, "support"),
    ],
)
async def test_one_without_anything_to_submit_is_shown(
    api: Api, world: World, customer: Person, supporter: Person, traits: dict[str, Any], owner: str
) -> None:
    chargeback_id = await charge_back(world, await world.order(customer), **traits)

    (found,) = await stuck(api, supporter)

    assert (found["owner"], found["command"]) == (owner, f"fulfil chargeback show {chargeback_id}")


@pytest.mark.parametrize(
    "traits",
    [
        {"state": ChargebackState.UNDER_REVIEW, "stripe_status": "under_review"},
        {"state": ChargebackState.LOST, "stripe_status": "lost"},
    ],
)
async def test_one_that_waits_for_the_bank_or_is_over_is_not_listed(
    api: Api, world: World, customer: Person, supporter: Person, traits: dict[str, Any]
) -> None:
    await charge_back(world, await world.order(customer), **traits)

    assert await stuck(api, supporter) == []
