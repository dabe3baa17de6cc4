"""The people behind a connected account."""

from collections.abc import Mapping
from typing import cast

from fulfil.simulators.stripe.accounts import URL as ACCOUNTS
from fulfil.simulators.stripe.accounts import existing_account
from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.errors import JsonObject
from fulfil.simulators.stripe.objects import new_id
from fulfil.simulators.stripe.thin_events import record_thin
from fulfil.simulators.stripe.transaction import Transaction
from fulfil.simulators.stripe.v2_bodies import PersonBody, merged_v2_metadata, read_v2
from fulfil.simulators.stripe.v2_pages import not_found, timestamp, v2_page

KIND = "v2.core.account_person"
FIELDS = (
    "additional_addresses",
    "additional_names",
    "additional_terms_of_service",
    "address",
    "date_of_birth",
    "documents",
    "email",
    "given_name",
    "id_numbers",
    "legal_gender",
    "nationalities",
    "phone",
    "political_exposure",
    "relationship",
    "script_addresses",
    "script_names",
    "surname",
)


def create_person(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v2/core/accounts/{id}/persons`."""
    account, body = existing_account(tx, call.identity), read_v2(call, PersonBody)
    person: JsonObject = {
        "id": new_id("person"),
        "object": KIND,
        "account": account["id"],
        "created": timestamp(tx.now),
        "livemode": False,
        "metadata": {},
        **dict.fromkeys(FIELDS),
    }
    _change(tx, person, body)
    tx.insert(person)
    _tell(tx, "created", person)
    return person


def retrieve_person(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v2/core/accounts/{id}/persons/{person}`."""
    return _existing(tx, call)


def update_person(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v2/core/accounts/{id}/persons/{person}`."""
    person = _existing(tx, call)
    _change(tx, person, read_v2(call, PersonBody))
    tx.save(person)
    _tell(tx, "updated", person)
    return person


def delete_person(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`DELETE /v2/core/accounts/{id}/persons/{person}`."""
    person = _existing(tx, call)
    tx.delete(str(person["id"]))
    _tell(tx, "deleted", person)
    return {"id": person["id"], "object": KIND}


def list_persons(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v2/core/accounts/{id}/persons`."""
    account = existing_account(tx, call.identity)
    condition = "object = ? AND json_extract(body, '$.account') = ?"
    return v2_page(tx, call, condition, [KIND, account["id"]], f"{ACCOUNTS}/{account['id']}/persons")


def _existing(tx: Transaction, call: Call) -> JsonObject:
    existing_account(tx, call.identity)
    person = tx.find(KIND, call.ids["person"])
    if person is None or person["account"] != call.identity:
        raise not_found("person", call.ids["person"])
    return person


def _change(tx: Transaction, person: JsonObject, body: PersonBody) -> None:
    for name, value in body.model_dump(exclude_unset=True).items():
        if name not in ("metadata", "id_numbers"):
            person[name] = value
    if body.id_numbers is not None:
        # What proves an identity is never shown again.
        person["id_numbers"] = [{"type": number.type} for number in body.id_numbers]
    person["metadata"] = merged_v2_metadata(cast("dict[str, str]", person["metadata"]), body.metadata)
    person["updated"] = timestamp(tx.now)


def _tell(tx: Transaction, deed: str, person: JsonObject) -> None:
    url = f"{ACCOUNTS}/{person['account']}/persons/{person['id']}"
    record_thin(tx, f"v2.core.account_person.{deed}", person, url, {"account_id": person["account"]})
