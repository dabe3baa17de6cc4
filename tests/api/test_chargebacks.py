"""Support sees what card networks took back, adds to the evidence, and answers."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from fulfil.api.errors import conflict
from fulfil.kit.clock import utc_now
from fulfil.models.ids import new_id
from fulfil.models.messages.chargebacks import ChargebackLoss, ChargebackState
from fulfil.models.tables.payments import ChargebackRow, ChargebackStatementRow, PaymentRow
from tests.api.fakes import ENDED
from tests.api.running import Api
from tests.api.world import Person, World

WHY = {"reason": "the evidence is complete"}
STATEMENT = {"text": "She confirmed the delivery\nby phone."}
ANSWERS = [("submit", WHY, "submit_evidence"), ("accept", WHY, "accept_chargeback")]
ACTS = [*ANSWERS, ("evidence", STATEMENT, "add_evidence")]


async def charge_back(world: World, order_id: str, **traits: Any) -> str:
    """A chargeback whose evidence is staged, with these columns."""
    chargeback_id, now = new_id("chb"), utc_now()
    columns: dict[str, Any] = {
        "id": chargeback_id,
        "order_id": order_id,
        "stripe_dispute_id": f"du_{chargeback_id}",
        "state": ChargebackState.NEEDS_RESPONSE,
        "stripe_status": "needs_response",
        "reason": "product_not_received",
        "amount_minor": 1299,
        "fee_minor": 1500,
        "currency": "eur",
        "is_inquiry": False,
        "evidence_due_at": now + timedelta(days=10),
        "evidence": {"shipping_carrier": "DHL"},
        "staged_at": now,
        "opened_at": now,
        "updated_at": now,
    }
    await world.add(ChargebackRow(**columns | traits))
    return chargeback_id


@pytest.fixture
async def order_id(world: World, customer: Person) -> str:
    """An order whose money was taken back."""
    return await world.order(customer)


async def test_a_chargeback_tells_where_it_stands_and_what_happens_next(
    api: Api, world: World, supporter: Person, order_id: str
) -> None:
    chargeback_id = await charge_back(world, order_id)

    shown = (await api.get(f"/support/chargebacks/{chargeback_id}", supporter)).json()

    assert (shown["state"], shown["order_id"]) == ("needs_response", order_id)
    assert shown["amount"] == {"amount_minor": 1299, "currency": "eur"}
    assert shown["fee"]["amount_minor"] == 1500
    assert shown["evidence"] == {"shipping_carrier": "DHL"}
    assert shown["next"]["who"] == "support"
    assert shown["next"]["by"][:10] == (utc_now() + timedelta(days=9)).date().isoformat()
    assert shown["allowed_actions"] == ["evidence", "submit", "accept"]


@pytest.mark.parametrize(
    ("traits", "who", "actions"),
    [
        ({"staged_at": None}, "system", ["evidence", "accept"]),
        (
            {"is_inquiry": True, "state": ChargebackState.INQUIRY, "stripe_status": "warning_needs_response"},
            "support",
            ["evidence", "submit"],
        ),
        ({"state": ChargebackState.UNDER_REVIEW, "stripe_status": "under_review"}, "nobody", []),
        ({"state": ChargebackState.UNDER_REVIEW, "stripe_status": "appeal_needs_response"}, "support", []),
        ({"state": ChargebackState.LOST, "stripe_status": "lost", "closed_at": utc_now()}, None, []),
    ],
)
async def test_whose_move_it_is_follows_from_the_state(
    api: Api,
    world: World,
    supporter: Person,
    order_id: str,
    traits: dict[str, Any],
    who: str | None,
    actions: list[str],
) -> None:
    chargeback_id = await charge_back(world, order_id, **traits)
    shown = (await api.get(f"/support/chargebacks/{chargeback_id}", supporter)).json()
    assert shown["next"] is None if who is None else shown["next"]["who"] == who
    assert shown["allowed_actions"] == actions


async def test_a_lost_one_tells_who_paid(api: Api, world: World, supporter: Person, order_id: str) -> None:
    loss = ChargebackLoss(held_minor=1000, loss_minor=299)
    chargeback_id = await charge_back(world, order_id, loss=loss.model_dump(mode="json"))
    shown = (await api.get(f"/support/chargebacks/{chargeback_id}", supporter)).json()
    assert (shown["loss"]["held_minor"], shown["loss"]["loss_minor"]) == (1000, 299)


async def test_the_list_has_pages_and_a_filter(api: Api, world: World, supporter: Person, order_id: str) -> None:
    now = utc_now()
    oldest, lost, newest = [
        await charge_back(world, order_id, opened_at=now + timedelta(minutes=minute), state=state)
        for minute, state in enumerate(
            [ChargebackState.NEEDS_RESPONSE, ChargebackState.LOST, ChargebackState.NEEDS_RESPONSE]
        )
    ]
    first = (await api.get("/support/chargebacks?limit=2", supporter)).json()
    rest = (await api.get(f"/support/chargebacks?limit=2&starting_after={lost}", supporter)).json()
    filtered = (await api.get("/support/chargebacks?state=lost", supporter)).json()

    assert ([one["id"] for one in first["data"]], first["has_more"]) == ([newest, lost], True)
    assert ([one["id"] for one in rest["data"]], rest["has_more"]) == ([oldest], False)
    assert [one["id"] for one in filtered["data"]] == [lost]


@pytest.mark.parametrize(("action", "body", "said"), ACTS)
async def test_an_act_is_said_to_the_workflow_once_per_key(
    api: Api, world: World, supporter: Person, order_id: str, action: str, body: dict[str, str], said: str
) -> None:
    chargeback_id = await charge_back(world, order_id)
    path = f"/support/chargebacks/{chargeback_id}/{action}"

    answers = [await api.post(path, supporter, key="a1", json=body) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["id"] == chargeback_id
    assert {(one.what, one.to) for one in api.processes.said} == {(said, chargeback_id)}
    assert len({one.update_id for one in api.processes.said}) == 1
    message = api.processes.said[0].message
    assert (message.actor.id, message.order_id) == (supporter.account_id, order_id)


async def test_a_statement_is_kept_once_and_its_words_reach_no_workflow(
    api: Api, world: World, supporter: Person, order_id: str
) -> None:
    chargeback_id = await charge_back(world, order_id)
    path = f"/support/chargebacks/{chargeback_id}/evidence"

    await api.post(path, supporter, key="s1", json=STATEMENT)
    answer = await api.post(path, supporter, key="s1", json=STATEMENT)

    (kept,) = await world.rows(ChargebackStatementRow)
    assert (kept.text, kept.written_by) == (STATEMENT["text"], supporter.account_id)
    assert [one["text"] for one in answer.json()["statements"]] == [STATEMENT["text"]]
    assert api.processes.said[0].message.statement_id == kept.id
    assert "phone" not in api.processes.said[0].message.model_dump_json()


@pytest.mark.parametrize("text", ["", "  ", "x" * 5001, "a\x00b", "a\x1bb"])
async def test_a_statement_must_be_readable(
    api: Api, world: World, supporter: Person, order_id: str, text: str
) -> None:
    chargeback_id = await charge_back(world, order_id)
    answer = await api.post(f"/support/chargebacks/{chargeback_id}/evidence", supporter, json={"text": text})
    assert (answer.status_code, answer.json()["param"]) == (422, "text")
    assert not api.processes.said


@pytest.mark.parametrize(("action", "body", "said"), ACTS)
async def test_the_workflows_refusal_becomes_a_conflict(
    api: Api, world: World, supporter: Person, order_id: str, action: str, body: dict[str, str], said: str
) -> None:
    chargeback_id = await charge_back(world, order_id)
    path = f"/support/chargebacks/{chargeback_id}/{action}"
    api.processes.troubles[said] = conflict("step_parked", "parked", state="needs_response", allowed_actions=["retry"])
    parked = await api.post(path, supporter, json=body)
    api.processes.troubles[said] = ENDED
    ended = await api.post(path, supporter, json=body)

    assert (parked.status_code, parked.json()["allowed_actions"]) == (409, ["retry"])
    assert (ended.status_code, ended.json()["code"]) == (409, "chargeback_ended")


@pytest.mark.parametrize(("action", "body", "said"), ACTS)
async def test_nothing_is_said_about_what_the_bank_has_decided(
    api: Api, world: World, supporter: Person, order_id: str, action: str, body: dict[str, str], said: str
) -> None:
    chargeback_id = await charge_back(world, order_id, state=ChargebackState.LOST, stripe_status="lost")
    refused = await api.post(f"/support/chargebacks/{chargeback_id}/{action}", supporter, json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "chargeback_not_answerable")
    assert refused.json()["state"] == "lost"
    assert said not in {one.what for one in api.processes.said}


async def test_a_repeated_answer_that_ended_the_chargeback_is_answered_by_what_became_of_it(
    api: Api, world: World, supporter: Person, order_id: str
) -> None:
    chargeback_id = await charge_back(world, order_id)
    path = f"/support/chargebacks/{chargeback_id}/accept"
    await api.post(path, supporter, key="a1", json=WHY)
    async with world.begin() as session:
        await session.execute(update(ChargebackRow).values(state="lost", stripe_status="lost", closed_at=utc_now()))
    api.processes.troubles["accept_chargeback"] = ENDED

    again = await api.post(path, supporter, key="a1", json=WHY)

    assert (again.status_code, again.json()["state"]) == (200, "lost")


@pytest.mark.parametrize(("action", "body", "said"), ACTS)
async def test_customers_may_not_and_unknown_ones_are_not_found(
    api: Api,
    world: World,
    customer: Person,
    supporter: Person,
    order_id: str,
    action: str,
    body: dict[str, str],
    said: str,
) -> None:
    chargeback_id = await charge_back(world, order_id)
    wrong = await api.post(f"/support/chargebacks/{chargeback_id}/{action}", customer, json=body)
    unknown = await api.post(f"/support/chargebacks/{new_id('chb')}/{action}", supporter, json=body)
    assert (wrong.status_code, unknown.status_code) == (403, 404)
    assert said not in {one.what for one in api.processes.said}


async def test_an_order_shows_that_its_money_is_frozen(api: Api, world: World, customer: Person, order_id: str) -> None:
    assert (await api.get(f"/orders/{order_id}", customer)).json()["payment_frozen"] is False
    async with world.begin() as session:
        await session.execute(update(PaymentRow).values(frozen_at=utc_now()))
    assert (await api.get(f"/orders/{order_id}", customer)).json()["payment_frozen"] is True
