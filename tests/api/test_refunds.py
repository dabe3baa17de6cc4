"""Refunds through the API: previewed, asked for once, decided by a second person, shown to whom they concern."""

from typing import Any

import pytest
from sqlalchemy import update

from fulfil.api.errors import conflict
from fulfil.kit.clock import utc_now
from fulfil.models.ids import new_id
from fulfil.models.messages.parties import Actor, ActorKind, Role
from fulfil.models.messages.refunds import RefundReason, RefundState, StartRefund
from fulfil.models.tables.accounts import IdempotencyKeyRow
from fulfil.models.tables.payments import PaymentRow, RefundRow
from tests.api.fakes import ENDED
from tests.api.refunds_kept import add_paid_order, add_refund
from tests.api.running import Api
from tests.api.world import Person, World, line_id_of

NEW = {"reason": "quality", "note": "the edge is broken"}
WHY = {"reason": "looked at the photos"}
EUR_3 = {"amount_minor": 300, "currency": "eur"}


@pytest.fixture
async def order_id(world: World, customer: Person) -> str:
    """Ada's order of 12.99, captured."""
    return await add_paid_order(world, customer)


@pytest.fixture
async def written(api: Api, world: World) -> None:
    """The workflow's activity writes the refund that is asked for."""

    async def write(start: StartRefund) -> None:
        await add_refund(
            world,
            start.order_id,
            refund_id=start.refund_id,
            state=RefundState.REQUESTED,
            amount_minor=start.scope.amount_minor or 1299,
            requested_by=start.requested_by,
        )

    api.processes.effects["request refund"] = write


async def test_a_preview_says_whose_money_it_would_be_and_changes_nothing(
    api: Api, world: World, supporter: Person, order_id: str
) -> None:
    answer = await api.post(f"/orders/{order_id}/refunds/preview", supporter, json={"amount": EUR_3})
    preview = answer.json()
    assert (answer.status_code, preview["possible"], preview["needs_approval"]) == (200, True, False)
    assert (preview["amount"]["amount_minor"], preview["refundable"]["amount_minor"]) == (300, 1299)
    (part,) = preview["parts"]
    assert (part["line_id"], part["held"], part["provider_share"]["amount_minor"]) == (line_id_of(order_id), EUR_3, 0)
    assert await world.rows(RefundRow) == await world.rows(IdempotencyKeyRow) == []
    assert api.processes.said == []


async def test_a_preview_of_what_is_not_possible_says_why(api: Api, supporter: Person, order_id: str) -> None:
    body = {"amount": {"amount_minor": 1300, "currency": "eur"}}
    preview = (await api.post(f"/orders/{order_id}/refunds/preview", supporter, json=body)).json()
    assert (preview["possible"], preview["refusal"]) == (False, "refund_exceeds_paid")
    assert "12.99 EUR" in preview["refusal_detail"]


@pytest.mark.usefixtures("written")
async def test_support_asks_for_a_refund(api: Api, supporter: Person, order_id: str) -> None:
    body = {**NEW, "lines": [{"line_id": line_id_of(order_id), "amount": EUR_3}]}
    answer = await api.post(f"/orders/{order_id}/refunds", supporter, key="k1", json=body)
    refund = answer.json()
    assert (answer.status_code, refund["state"], refund["order_id"]) == (201, "requested", order_id)
    assert refund["requested_by"] == {"kind": "support", "id": supporter.account_id}
    (said,) = api.processes.said
    start = said.message
    assert isinstance(start, StartRefund)
    assert (start.reason, start.note, start.looks_s) == (
        RefundReason.QUALITY,
        "the edge is broken",
        (86_400, 432_000, 864_000),
    )
    assert [(part.line_id, part.amount_minor) for part in start.scope.lines] == [(line_id_of(order_id), 300)]


@pytest.mark.usefixtures("written")
async def test_a_repeated_request_joins_the_first_and_another_body_is_refused(
    api: Api, supporter: Person, order_id: str
) -> None:
    path, body = f"/orders/{order_id}/refunds", {**NEW, "amount": EUR_3}
    first = await api.post(path, supporter, key="k1", json=body)
    again = await api.post(path, supporter, key="k1", json=body)
    other = await api.post(path, supporter, key="k1", json=NEW)
    missing = await api.post(path, supporter, json=body)
    assert again.json() == first.json()
    assert len(api.processes.said) == 1
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert (missing.status_code, missing.json()["code"]) == (400, "idempotency_key_missing")


async def test_a_request_repeated_after_its_workflow_ended_without_a_refund_says_why(
    api: Api, supporter: Person, order_id: str
) -> None:
    api.processes.troubles["request refund"] = ENDED
    answer = await api.post(f"/orders/{order_id}/refunds", supporter, key="k1", json=NEW)
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_refund")
    assert answer.json()["state"] == "captured"


async def test_what_somebody_else_took_meanwhile_is_refused_by_the_workflow(
    api: Api, supporter: Person, order_id: str
) -> None:
    api.processes.refund_refusal = "refund_exceeds_paid"
    answer = await api.post(f"/orders/{order_id}/refunds", supporter, key="k1", json=NEW)
    assert (answer.status_code, answer.json()["code"]) == (409, "refund_exceeds_paid")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"amount": {"amount_minor": 1300, "currency": "eur"}}, 409, "refund_exceeds_paid"),
        ({"amount": {"amount_minor": 100, "currency": "usd"}}, 422, "currency_mismatch"),
        ({"amount": {"amount_minor": 0, "currency": "eur"}}, 422, "amount_zero"),
        ({"amount": {"amount_minor": -1, "currency": "eur"}}, 422, "parameter_invalid"),
        ({"lines": [{"line_id": f"lin_{'f' * 32}"}]}, 422, "line_unknown"),
        ({"lines": []}, 422, "parameter_invalid"),
        ({"amount": EUR_3, "shipping": True}, 422, "scope_ambiguous"),
        ({"shipping": True}, 409, "no_shipping_paid"),
        ({"reason": "cancellation"}, 422, "parameter_invalid"),
        ({"state": "succeeded"}, 422, "parameter_unknown"),
        ({"note": ""}, 422, "parameter_invalid"),
    ],
)
async def test_a_request_that_can_not_be_is_refused_before_its_key_is_taken(
    api: Api, world: World, supporter: Person, order_id: str, body: dict[str, Any], status: int, code: str
) -> None:
    answer = await api.post(f"/orders/{order_id}/refunds", supporter, key="k1", json={**NEW, **body})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await world.rows(IdempotencyKeyRow) == []
    assert api.processes.said == []


async def test_an_uncaptured_a_frozen_and_an_empty_payment_are_refused(
    api: Api, world: World, customer: Person, supporter: Person, order_id: str
) -> None:
    unpaid = await world.order(customer)
    frozen, empty = await add_paid_order(world, customer), order_id
    async with world.begin() as session:
        await session.execute(update(PaymentRow).where(PaymentRow.order_id == frozen).values(frozen_at=utc_now()))
        await session.execute(update(PaymentRow).where(PaymentRow.order_id == empty).values(refunded_minor=1299))
    codes = [
        (await api.post(f"/orders/{name}/refunds", supporter, key=name, json=NEW)).json()["code"]
        for name in (unpaid, frozen, empty)
    ]
    assert codes == ["payment_not_captured", "payment_frozen", "nothing_to_refund"]


async def test_customers_see_their_refunds_without_what_staff_noted(
    api: Api, world: World, customer: Person, stranger: Person, supporter: Person, order_id: str
) -> None:
    refund_id = await add_refund(world, order_id)
    hers = (await api.get(f"/refunds/{refund_id}", customer)).json()
    staffs = (await api.get(f"/refunds/{refund_id}", supporter, params={"expand": "order"})).json()
    assert (hers["state"], hers["amount"]) == ("awaiting_approval", EUR_3)
    assert {hers[name] for name in ("note", "requested_by", "stripe_refund_id", "order")} == {None}
    assert (hers["parts"], hers["allowed_actions"], hers["approval_reasons"]) == (None, [], [])
    assert (staffs["note"], staffs["order"]["id"]) == ("the edge is broken", order_id)
    assert staffs["allowed_actions"] == ["approve", "reject"]
    assert (await api.get(f"/refunds/{refund_id}", stranger)).status_code == 404
    assert (await api.get(f"/orders/{order_id}/refunds", stranger)).status_code == 404
    assert (await api.get("/refunds", stranger)).json()["data"] == []


async def test_refunds_are_listed_newest_first_by_page_and_state(
    api: Api, world: World, customer: Person, supporter: Person, order_id: str
) -> None:
    failed = await add_refund(world, order_id, state=RefundState.FAILED)
    others = [await add_refund(world, order_id, amount_minor=10) for _ in range(2)]
    first = (await api.get("/refunds", customer, params={"limit": 2})).json()
    rest = (await api.get("/refunds", customer, params={"starting_after": first["data"][-1]["id"]})).json()
    assert ([each["id"] for each in first["data"]], first["has_more"]) == (others[::-1], True)
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == ([failed], False)
    wanted = (await api.get("/refunds", supporter, params={"state": "failed"})).json()["data"]
    assert [each["id"] for each in wanted] == [failed]
    assert len((await api.get(f"/orders/{order_id}/refunds", customer)).json()["data"]) == 3


async def test_a_second_person_approves_or_rejects(
    api: Api, world: World, supporter: Person, admin: Person, order_id: str
) -> None:
    refund_id = await add_refund(world, order_id)
    for action, person, approved in (("approve", admin, True), ("reject", supporter, False)):
        answer = await api.post(f"/refunds/{refund_id}/{action}", person, json=WHY)
        assert answer.status_code == 200, answer.text
        said = api.processes.said[-1]
        assert (said.what, said.message.approved, said.message.actor.id) == (
            "decide refund",
            approved,
            person.account_id,
        )


async def test_who_asked_for_it_is_shown_no_decision_and_refused_one(
    api: Api, world: World, supporter: Person, order_id: str
) -> None:
    by = Actor(kind=ActorKind.SUPPORT, id=supporter.account_id)
    refund_id = await add_refund(world, order_id, requested_by=by)
    assert (await api.get(f"/refunds/{refund_id}", supporter)).json()["allowed_actions"] == []
    for action in ("approve", "reject"):
        refused = await api.post(f"/refunds/{refund_id}/{action}", supporter, json=WHY)
        assert (refused.status_code, refused.json()["code"]) == (403, "second_person_required")
    assert api.processes.said == []


async def test_what_the_workflow_refuses_names_state_and_what_is_possible(
    api: Api, world: World, admin: Person, order_id: str
) -> None:
    refund_id = await add_refund(world, order_id, state=RefundState.SENT)
    api.processes.troubles["decide refund"] = conflict(
        "not_awaiting_approval", "The refund is sent.", state="sent", allowed_actions=[]
    )
    refused = (await api.post(f"/refunds/{refund_id}/approve", admin, json=WHY)).json()
    assert (refused["status"], refused["code"], refused["state"]) == (409, "not_awaiting_approval", "sent")


async def test_a_decision_too_late_is_refused_and_a_repeated_one_answered(
    api: Api, world: World, admin: Person, order_id: str
) -> None:
    refund_id = await add_refund(world, order_id)
    path = f"/refunds/{refund_id}/approve"
    assert (await api.post(path, admin, key="k1", json=WHY)).status_code == 200
    api.processes.troubles["decide refund"] = ENDED
    async with world.begin() as session:
        await session.execute(update(RefundRow).values(state=RefundState.SUCCEEDED))
    assert (await api.post(path, admin, key="k1", json=WHY)).json()["state"] == "succeeded"
    late = await api.post(path, admin, key="k2", json=WHY)
    assert (late.status_code, late.json()["code"], late.json()["state"]) == (409, "refund_ended", "succeeded")


async def test_a_failed_refund_is_sent_another_way(api: Api, world: World, supporter: Person, order_id: str) -> None:
    refund_id = await add_refund(world, order_id, state=RefundState.FAILED)
    assert (await api.get(f"/refunds/{refund_id}", supporter)).json()["allowed_actions"] == ["reroute", "reject"]
    path = f"/refunds/{refund_id}/reroute"
    unnamed = await api.post(path, supporter, json={**WHY, "route": "bank"})
    by_card = await api.post(path, supporter, json={**WHY, "route": "card", "reference": "SEPA 1"})
    named = await api.post(path, supporter, json={**WHY, "route": "bank", "reference": "SEPA 1"})
    assert (unnamed.status_code, unnamed.json()["code"]) == (422, "reference_missing")
    assert (by_card.status_code, by_card.json()["code"]) == (422, "reference_unneeded")
    assert named.status_code == 200
    assert api.processes.said[-1].message.reference == "SEPA 1"


async def test_an_order_tells_how_much_of_it_is_back(api: Api, world: World, customer: Person, order_id: str) -> None:
    async def facts() -> tuple[int, str, str]:
        order = (await api.get(f"/orders/{order_id}", customer)).json()
        return order["refunded"]["amount_minor"], order["refund_state"], order["state"]

    async def paid_back(amount: int) -> None:
        async with world.begin() as session:
            await session.execute(update(PaymentRow).values(refunded_minor=amount))

    before = await facts()
    await paid_back(300)
    partly = await facts()
    await paid_back(1299)
    assert [before, partly, await facts()] == [
        (0, "none", "awaiting_payment"),
        (300, "partly_refunded", "awaiting_payment"),
        (1299, "refunded", "awaiting_payment"),
    ]


async def test_unknown_refunds_are_not_found(api: Api, world: World) -> None:
    person = await world.person(Role.ADMIN)
    unknown = new_id("ref")
    answers = [
        (await api.get(f"/refunds/{unknown}", person)).status_code,
        (await api.post(f"/refunds/{unknown}/approve", person, json=WHY)).status_code,
        (await api.post(f"/refunds/{unknown}/reroute", person, json={**WHY, "route": "card"})).status_code,
        (await api.post(f"/orders/{new_id('ord')}/refunds", person, key="k1", json=NEW)).status_code,
    ]
    assert answers == [404] * 4
