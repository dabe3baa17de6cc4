"""The books through the API: in words, checked, proved; for staff alone."""

import json

import pytest
from sqlalchemy import text

from fulfil.api.schemas.ledger import LedgerProof
from fulfil.cli.benches.ledger_books import sold, write
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.ledger import entries
from fulfil.ledger.posting import post
from fulfil.ledger.proof import verify_proof
from fulfil.models.ids import new_id
from tests.api.running import Api
from tests.api.world import Person, World

PATHS = ("/support/orders/{}/ledger", "/support/orders/{}/ledger/check", "/support/orders/{}/proof")


@pytest.fixture
async def paid(world: World, customer: Person) -> str:
    """An order that was charged."""
    order_id = await world.order(customer)
    async with world.begin() as session:
        for entry, about in (
            (entries.charge(order_id, 1299, pending=False), "ch_1"),
            (entries.stripe_fee(44, pending=False), "ch_1"),
        ):
            await post(
                session,
                entry,
                business_key=f"{order_id}:{entry.kind}",
                order_id=order_id,
                effective_at=utc_now(),
                currency="eur",
                stripe_object_id=about,
                balance_transaction_id="txn_1",
            )
    return order_id


async def test_the_ledger_is_told_in_words_and_amounts(api: Api, supporter: Person, paid: str) -> None:
    ledger = (await api.get(f"/support/orders/{paid}/ledger", supporter)).json()
    charge, fee = ledger["transactions"]

    assert (charge["kind"], charge["stripe_object_id"], charge["balance_transaction_id"]) == ("charge", "ch_1", "txn_1")
    assert charge["meaning"] == "The customer paid 12.99 EUR, held for the order."
    assert {leg["amount"] for leg in charge["postings"]} == {"12.99 EUR", "-12.99 EUR"}
    assert {leg["why"] for leg in fee["postings"]} == {
        "0.44 EUR more: the payment provider's fees",
        "0.44 EUR less: our balance at the payment provider, available",
    }
    assert ledger["story"] == [
        "The customer paid 12.99 EUR.",
        "12.99 EUR are held for the order.",
        "0.44 EUR went to the payment provider as fees.",
        "-0.44 EUR are left to the platform of this order.",
    ]
    assert {leg["account"]: leg["amount_minor"] for leg in ledger["balances"]} == {
        "asset:stripe:available": 1255,
        "expense:stripe_fee": 44,
        f"liability:held:{paid}": -1299,
    }


async def test_the_check_of_an_order_and_of_all_names_what_is_wrong_and_what_helps(
    api: Api, supporter: Person, paid: str
) -> None:
    of_order = (await api.get(f"/support/orders/{paid}/ledger/check", supporter)).json()
    (wrong,) = [one for one in of_order["findings"] if one["kind"] == "amount_differs"]
    assert (of_order["orders"], of_order["transactions"]) == (1, 2)
    assert wrong["detail"] == "captured by the payment: 0.00 EUR by the rows, 12.99 EUR by the postings"
    assert (wrong["order_id"], wrong["amount_minor"], wrong["currency"]) == (paid, -1299, "eur")
    assert wrong["remedy"]
    of_all = (await api.get("/support/ledger/check", supporter)).json()
    assert wrong in of_all["findings"]


async def test_sound_books_have_no_findings_and_every_order_a_proof_that_holds(
    api: Api, owner_database: Database, supporter: Person
) -> None:
    books = sold(5)
    await write(owner_database.engine, books)
    async with owner_database.begin() as session:
        # The proof asks for orders that have a timeline, as all but these have.
        await session.execute(
            text(
                "INSERT INTO timelines (order_id, last_sequence, next_who, next_what) SELECT id, 0, 'x', '' FROM orders"
            )
        )
    checked = (await api.get("/support/ledger/check", supporter)).json()
    assert (checked["findings"], checked["orders"], checked["transactions"]) == ([], 5, books.transactions)
    for row in books.rows["orders"]:
        answer = await api.get(f"/support/orders/{row[0]}/proof", supporter)
        assert answer.headers["content-disposition"] == f'attachment; filename="{row[0]}.proof.json"'
        assert verify_proof(answer.content) == []
        assert LedgerProof.model_validate_json(answer.content).model_dump(mode="json") == json.loads(answer.content)


async def test_the_trial_balance_sums_to_zero_and_names_every_kind_of_account(
    api: Api, owner_database: Database, supporter: Person
) -> None:
    books = sold(10)
    await write(owner_database.engine, books)
    rows = (await api.get("/support/ledger/balances", supporter)).json()["data"]
    by_account = {row["account"]: row for row in rows}
    assert sum(row["balance_minor"] for row in rows) == 0
    assert all(row["debit_minor"] - row["credit_minor"] == row["balance_minor"] for row in rows)
    assert by_account["asset:stripe:available"]["balance_minor"] == books.balance_minor
    assert (by_account["liability:held"]["accounts"], by_account["liability:held"]["balance_minor"]) == (10, 0)
    assert by_account["liability:held"]["meaning"] == "Held for the order"


@pytest.mark.parametrize("path", PATHS)
async def test_an_order_that_does_not_exist_has_no_books(api: Api, supporter: Person, path: str) -> None:
    assert (await api.get(path.format(new_id("ord")), supporter)).status_code == 404
    assert (await api.get(path.format("nonsense"), supporter)).status_code == 404


@pytest.mark.parametrize("path", [*PATHS, "/support/ledger/check", "/support/ledger/balances"])
async def test_only_staff_sees_the_books(api: Api, customer: Person, provider: Person, paid: str, path: str) -> None:
    url = path.format(paid)
    assert [(await api.get(url, who)).status_code for who in (None, customer, provider)] == [401, 403, 403]
