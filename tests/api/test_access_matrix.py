"""Every route of the OpenAPI document, tried as nobody, in every wrong role, and as another customer or provider."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import SecretStr
from temporalio.client import Client

from fulfil.api.app import create_app
from fulfil.api.security import TokenClaims
from fulfil.kit.clock import utc_now
from fulfil.kit.settings import Settings
from fulfil.models.ids import new_id
from fulfil.models.messages.jobs import JobState, OfferState
from fulfil.models.messages.parties import Role
from tests.api.countered import add_counter
from tests.api.deliveries import add_service, write_delivery
from tests.api.making import CHECKED, add_parcel
from tests.api.papers import add_document
from tests.api.refunds_kept import add_refund
from tests.api.running import Api, api_of
from tests.api.world import SECRET, TOKENS, Person, World

C, P, D, S, A = Role.CUSTOMER, Role.PROVIDER, Role.DRIVER, Role.SUPPORT, Role.ADMIN
WHY = {"reason": "because of the test"}
PLANNED = {"title": "x", "due_at": "2099-01-01T00:00:00Z", "share_bp": 1000}
MACHINE = {"name": "x", "process": "fdm", "materials": ["PLA"], "volume_mm": [200, 200, 200]}
CLOSURE = {"starts_at": "2126-01-01T00:00:00Z", "ends_at": "2126-01-02T00:00:00Z", "reason": "holidays"}
MOVED = {"event_id": "evt_1", "kind": "in_transit", "at": "2026-01-01T00:00:00Z"}


@dataclass(frozen=True)
class Row:
    """Who may call a route, and which of them must not find another's object; `body` is a good one."""

    roles: tuple[Role, ...]
    strangers: tuple[Role, ...] = ()
    body: dict[str, Any] | None = None


@dataclass(frozen=True)
class Public:
    """Anybody may call it; the reason says why that is safe."""

    because: str = field()


MATRIX: dict[str, Row | Public] = {
    "login": Public("it takes a password"),
    "create_guest": Public("it gives what anybody may have: files and quotes of her own"),
    "get_catalogue": Public("it is what the shop window shows"),
    "create_account": Public("customers register themselves; other roles are checked by test_accounts.py"),
    "receive_stripe_event": Public("it takes a signature"),
    "get_health": Public("it says nothing"),
    "get_readiness": Public("it names dependencies, not their addresses"),
    "get_metrics": Public("it counts; the network keeps it inside"),
    "get_me": Row((C, P, D, S, A)),
    "create_api_key": Row((C, P, D, S, A), body={"name": "x", "scopes": ["orders:read"]}),
    "list_api_keys": Row((C, P, D, S, A)),
    "revoke_api_key": Row((C, P, D, S, A), strangers=(C, P)),
    "upload_file": Row((C, P)),
    "get_file": Row((C, P, S, A), strangers=(C, P)),
    "download_file": Row((C, P, S, A), strangers=(C, P)),
    "get_preview_png": Row((C, P, S, A), strangers=(C, P)),
    "get_preview_svg": Row((C, P, S, A), strangers=(C, P)),
    "get_viewer_mesh": Row((C, P, S, A), strangers=(C, P)),
    "create_quote": Row((C,), strangers=(C,), body={"items": [{"file_id": "{file_id}", "material": "PLA"}]}),
    "list_quotes": Row((C, S, A)),
    "get_quote": Row((C, S, A), strangers=(C,)),
    "prove_quote": Row((C, S, A), strangers=(C,)),
    "confirm_estimate": Row((C, S, A), strangers=(C,), body={"position": 0}),
    "replay_quotes": Row((A,), body={"tariff": {}}),
    "create_order": Row((C,), strangers=(C,), body={"quote_id": "{quote_id}"}),
    "list_orders": Row((C, S, A)),
    "get_order": Row((C, S, A), strangers=(C,)),
    "pay_order": Row((C,), strangers=(C,), body={"payment_method": "pm_card_visa"}),
    "recalculate_order": Row((C, S, A), strangers=(C,)),
    "cancel_order": Row((C,), strangers=(C,), body=WHY),
    "cancel_order_line": Row((C,), strangers=(C,), body=WHY),
    "cancel_line_for_customer": Row((S, A), body=WHY),
    "preview_refund": Row((S, A), body={"amount": {"amount_minor": 1, "currency": "eur"}}),
    "create_refund": Row((S, A), body={"reason": "quality", "note": "because of the test"}),
    "list_order_refunds": Row((C, S, A), strangers=(C,)),
    "list_refunds": Row((C, S, A)),
    "get_refund": Row((C, S, A), strangers=(C,)),
    "approve_refund": Row((S, A), body=WHY),
    "reject_refund": Row((S, A), body=WHY),
    "reroute_refund": Row((S, A), body={**WHY, "route": "card"}),
    "list_order_events": Row((C, S, A), strangers=(C,)),
    "list_offers": Row((P, S, A)),
    "get_offer": Row((P, S, A), strangers=(P,)),
    "accept_offer": Row((P,), strangers=(P,)),
    "decline_offer": Row((P,), strangers=(P,), body={}),
    "counter_offer": Row((P,), strangers=(P,), body={"lead_time_days": 9}),
    "list_counter_offers": Row((C, P, S, A), strangers=(C, P)),
    "accept_counter_offer": Row((C,), strangers=(C,)),
    "decline_counter_offer": Row((C,), strangers=(C,)),
    "withdraw_counter_offer": Row((P,), strangers=(P,)),
    "explain_dispatch": Row((S, A)),
    "offer_job": Row((S, A), body={"provider_id": "{provider_id}", **WHY}),
    "list_jobs": Row((C, P, S, A)),
    "get_job": Row((C, P, S, A), strangers=(C, P)),
    "start_job": Row((P,), strangers=(P,)),
    "report_progress": Row((P,), strangers=(P,), body={"percent": 50}),
    "report_quality": Row((P,), strangers=(P,), body=CHECKED),
    "announce_delay": Row((P,), strangers=(P,), body={"due_at": "2126-01-01T00:00:00Z", **WHY}),
    "report_material": Row((P,), strangers=(P,), body={"used_quantity": 1}),
    "give_job_back": Row((P,), strangers=(P,), body=WHY),
    "report_ready_for_pickup": Row((P,), strangers=(P,), body={"address": "1 Main Street"}),
    "choose_for_job": Row((C, S, A), strangers=(C,), body={"choice": "wait"}),
    "list_order_shipments": Row((C, S, A), strangers=(C,)),
    "get_shipment": Row((C, P, S, A), strangers=(C, P)),
    "get_shipment_label": Row((P, S, A), strangers=(P,)),
    "report_shipment_event": Row((P, S, A), strangers=(P,), body=MOVED),
    "receive_carrier_event": Row((S, A), body={**MOVED, "carrier": "DHL", "tracking_number": "nobody's"}),
    "list_late_jobs": Row((S, A)),
    "ship_job": Row((P,), strangers=(P,), body={"carrier": "DHL", "tracking_number": "1"}),
    "deliver_job": Row((P,), strangers=(P,), body={}),
    "approve_job": Row((C,), strangers=(C,)),
    "create_service": Row(
        (P,),
        body={
            "title": "x",
            "description": "x",
            "price": {"amount_minor": 1000, "currency": "eur"},
            "milestones": [{"title": "x", "days": 1, "share_bp": 10_000}],
        },
    ),
    "list_services": Row((C, P, S, A)),
    "get_service": Row((C, P, S, A), strangers=(C, P)),
    "change_service": Row(
        (P,),
        strangers=(P,),
        body={
            "title": "x",
            "description": "x",
            "price": {"amount_minor": 1000, "currency": "eur"},
            "milestones": [{"title": "x", "days": 1, "share_bp": 10_000}],
        },
    ),
    "set_service_active": Row((P,), strangers=(P,), body={"active": True}),
    "propose_deliverable": Row((P,), strangers=(P,), body={"line_id": "{service_line_id}", "milestones": [PLANNED]}),
    "list_deliverables": Row((C, P, S, A)),
    "get_deliverable": Row((C, P, S, A), strangers=(C, P)),
    "draft_milestone": Row((P,), strangers=(P,), body={"milestone_id": "{milestone_id}"}),
    "submit_milestone": Row((P,), strangers=(P,), body={"milestone_id": "{milestone_id}"}),
    "request_revision": Row((C,), strangers=(C,), body={"text": "Higher."}),
    "begin_revision": Row((P,), strangers=(P,)),
    "approve_milestone": Row((C,), strangers=(C,), body={}),
    "reject_milestone": Row((C,), strangers=(C,), body=WHY),
    "complete_deliverable": Row((C, P), strangers=(C, P)),
    "give_feedback": Row((C,), strangers=(C,), body={"quality": 5, "communication": 5, "timeliness": 5}),
    "check_milestone": Row(
        (P,), strangers=(P,), body={"milestone_id": "{milestone_id}", "checks": [{"name": "size", "passed": True}]}
    ),
    "propose_milestones": Row((C, P), strangers=(C, P), body={"milestones": [PLANNED]}),
    "accept_plan": Row((C, P), strangers=(C, P), body={"proposal_id": "{proposal_id}"}),
    "decline_plan": Row((C, P), strangers=(C, P), body={"proposal_id": "{proposal_id}"}),
    "withdraw_plan": Row((C, P), strangers=(C, P), body={"proposal_id": "{proposal_id}"}),
    "add_milestone": Row((C, P), strangers=(C, P), body={"deliverable_id": "{deliverable_id}", **PLANNED}),
    "change_milestone": Row((C, P), strangers=(C, P), body={"title": "x"}),
    "report_milestone_progress": Row((P,), strangers=(P,), body={"percent": 50}),
    "complete_milestone": Row((P,), strangers=(P,)),
    "create_provider": Row((A,), body={"name": "x", "capabilities": {"fdm": ["PLA"]}}),
    "list_providers": Row((S, A)),
    "get_provider": Row((P, S, A), strangers=(P,)),
    "set_provider_stripe_account": Row((A,), body={"stripe_account_id": "acct_1"}),
    "set_provider_online": Row((P, A), strangers=(P,), body={"online": True}),
    "apply_as_provider": Public("applicants make a sign-in that can be offered nothing before it is verified"),
    "change_provider": Row((P, A), strangers=(P,), body={}),
    "change_provider_terms": Row((A,), body={}),
    "set_provider_suspension": Row((A,), body={"suspended": False, **WHY}),
    "set_provider_verification": Row((A,), body={"verification": "verified"}),
    "add_certificate": Row((P,), strangers=(P,), body={"kind": "other", "title": "x", "file_id": "{file_id}"}),
    "list_certificates": Row((P, S, A), strangers=(P,)),
    "set_certificate_state": Row((A,), body={"state": "verified"}),
    "add_machine": Row((P, A), strangers=(P,), body=MACHINE),
    "list_machines": Row((P, S, A), strangers=(P,)),
    "replace_machine_facts": Row((P, A), strangers=(P,), body=MACHINE),
    "delete_machine": Row((P, A), strangers=(P,)),
    "get_calendar": Row((P, S, A), strangers=(P,)),
    "set_calendar": Row((P, A), strangers=(P,), body={"time_zone": "UTC", "working_hours": None}),
    "add_closure": Row((P, A), strangers=(P,), body=CLOSURE),
    "list_closures": Row((P, S, A), strangers=(P,)),
    "delete_closure": Row((P, A), strangers=(P,)),
    "rank_providers": Row((S, A)),
    "get_provider_score": Row((P, S, A), strangers=(P,)),
    "get_provider_statistics": Row((P, S, A), strangers=(P,)),
    "receive_stock": Row((P, A), strangers=(P,), body={"material": "PLA", "quantity": 1}),
    "list_stock": Row((P, S, A), strangers=(P,)),
    "list_all_stock": Row((P, S, A)),
    "verify_stock": Row((S, A)),
    "get_stock_item": Row((P, S, A), strangers=(P,)),
    "set_stock_item": Row((P, A), strangers=(P,), body={"low_at_quantity": 5, "reorder_url": None}),
    "adjust_stock": Row((P, A), strangers=(P,), body={"change": -1, **WHY}),
    "list_stock_movements": Row((P, S, A), strangers=(P,)),
    "list_stock_reservations": Row((P, S, A), strangers=(P,)),
    "list_order_documents": Row((C, P, S, A), strangers=(C, P)),
    "list_provider_documents": Row((P, S, A), strangers=(P,)),
    "list_documents": Row((C, P, S, A)),
    "get_document": Row((C, P, S, A), strangers=(C, P)),
    "download_document": Row((C, P, S, A), strangers=(C, P)),
    "get_billing_details": Row((C, P)),
    "set_billing_details": Row((C, P), body={"name": "x", "address_lines": ["1 Main Street"], "country": "DE"}),
    "list_stuck_orders": Row((S, A)),
    "get_order_ledger": Row((S, A)),
    "check_order_ledger": Row((S, A)),
    "prove_order_ledger": Row((S, A)),
    "check_ledger": Row((S, A)),
    "get_trial_balance": Row((S, A)),
    "create_reconciliation": Row((S, A), body={}),
    "list_reconciliations": Row((S, A)),
    "get_reconciliation": Row((S, A)),
    "create_payment_method_setup": Row((C,)),
    "list_payment_methods": Row((C,)),
    "delete_payment_method": Row((C,), strangers=(C,)),
    "get_payout_account": Row((P, S, A), strangers=(P,)),
    "create_onboarding": Row(
        (P,), strangers=(P,), body={"return_url": "https://shop.test/a", "refresh_url": "https://shop.test/b"}
    ),
    "retry_step": Row((S, A), body=WHY),
    "skip_step": Row((S, A), body=WHY),
    "cancel_step": Row((S, A), body=WHY),
    "redispatch_order": Row((S, A), body=WHY),
    "list_chargebacks": Row((S, A)),
    "get_chargeback": Row((S, A)),
    "submit_chargeback_evidence": Row((S, A), body=WHY),
    "accept_chargeback": Row((S, A), body=WHY),
    "add_chargeback_evidence": Row((S, A), body={"text": "She confirmed the delivery."}),
    "cancel_order_for_customer": Row((S, A), body=WHY),
    "reset_order": Row((S, A), body=WHY),
}


@dataclass(frozen=True)
class Operation:
    """One route."""

    name: str
    method: str
    path: str


def operations() -> Iterator[Operation]:
    """All routes of the OpenAPI document."""
    app = create_app(Settings(jwt_secret=SecretStr(SECRET)))
    for path, methods in app.openapi()["paths"].items():
        for method, described in methods.items():
            yield Operation(described["operationId"], method.upper(), path)


ALL = list(operations())
GUARDED = [operation for operation in ALL if isinstance(MATRIX.get(operation.name), Row)]


def row_of(operation: Operation) -> Row:
    """The operation's row."""
    row = MATRIX[operation.name]
    assert isinstance(row, Row)
    return row


def _filled(body: dict[str, Any] | None, ids: dict[str, str]) -> dict[str, Any]:
    """A body with the ids in their places."""
    text = json.dumps(body or {})
    for name, identity in ids.items():
        text = text.replace(f"{{{name}}}", identity)
    return dict(json.loads(text))


async def call(api: Api, operation: Operation, person: Person | None, ids: dict[str, str]) -> int:
    """Its status, with a good body and the ids of somebody's objects."""
    row = MATRIX[operation.name]
    body = row.body if isinstance(row, Row) else None
    filled = _filled(body, ids)
    headers = {**(person.headers if person else {}), "Idempotency-Key": new_id("key")}
    response = await api.client.request(
        operation.method,
        operation.path.format(**ids),
        headers=headers,
        json=filled if body is not None else None,
    )
    assert response.status_code < 400 or response.headers["content-type"] == "application/problem+json"
    return response.status_code


@pytest.fixture
async def ids(world: World, customer: Person, provider: Person) -> dict[str, str]:
    """Objects of a customer and a provider."""
    sale = await world.sale(
        customer, provider, job=JobState.ACCEPTED, offer=OfferState.ACCEPTED, production=JobState.ACCEPTED
    )
    delivery = await write_delivery(world, customer, provider)
    return {
        "file_id": sale.file_id,
        "quote_id": sale.quote_id,
        "order_id": sale.order_id,
        "line_id": sale.line_id,
        "job_id": sale.job_id,
        "offer_id": sale.offer_id,
        "counter_id": await add_counter(world, sale, provider),
        "provider_id": provider.owner_id,
        "machine_id": new_id("mac"),
        "certificate_id": new_id("cer"),
        "closure_id": new_id("clo"),
        "item_id": await world.lot(provider),
        "shipment_id": await add_parcel(world, sale, provider),
        "key_id": new_id("key"),
        "refund_id": await add_refund(world, sale.order_id),
        "chargeback_id": new_id("chb"),
        "reconciliation_id": new_id("rec"),
        "payment_method_id": "pm_1",
        "document_id": await add_document(world, sale.order_id, customer.owner_id),
        "service_id": await add_service(world, provider, active=False),
        "service_line_id": delivery.line_id,
        "deliverable_id": delivery.deliverable_id,
        "milestone_id": delivery.milestone_ids[0],
        "revision_id": new_id("rev"),
        "proposal_id": new_id("pln"),
    }


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert {operation.name for operation in ALL} == set(MATRIX)
    assert len(ALL) == len(MATRIX)


async def test_nobody_gets_in_anywhere(api: Api, ids: dict[str, str]) -> None:
    answers = {operation.name: await call(api, operation, None, ids) for operation in GUARDED}
    assert {name: status for name, status in answers.items() if status != 401} == {}


async def test_wrong_roles_are_refused_everywhere(api: Api, world: World, ids: dict[str, str]) -> None:
    people = [await world.person(role) for role in Role]
    answers = {
        (operation.name, person.role.value): await call(api, operation, person, ids)
        for operation in GUARDED
        for person in people
        if person.role not in row_of(operation).roles
    }
    assert {who: status for who, status in answers.items() if status != 403} == {}
    assert len(answers) > 80


OPEN_TO_GUESTS = {
    *("upload_file", "get_file", "download_file", "get_preview_png", "get_preview_svg", "get_viewer_mesh"),
    *("create_quote", "list_quotes", "get_quote", "prove_quote", "confirm_estimate"),
}


async def test_guests_are_refused_everywhere_but_at_files_and_quotes(api: Api, ids: dict[str, str]) -> None:
    claims = TokenClaims(new_id("gst"), Role.CUSTOMER, new_id("cus"), is_guest=True)
    headers = {"Authorization": f"Bearer {TOKENS.issue(claims, utc_now())}"}
    guest = Person(claims.account_id, claims.party_id, Role.CUSTOMER, "", headers)
    answers = {operation.name: await call(api, operation, guest, ids) for operation in GUARDED}
    closed = {name: status for name, status in answers.items() if name not in OPEN_TO_GUESTS}
    assert {name: status for name, status in closed.items() if status != 403} == {}
    with_objects = {operation.name for operation in GUARDED if "{" in operation.path} & OPEN_TO_GUESTS
    assert {name: answers[name] for name in with_objects} == dict.fromkeys(with_objects, 404)


async def test_another_customers_or_providers_objects_are_not_found(
    api: Api, ids: dict[str, str], stranger: Person, rival: Person
) -> None:
    answers = {
        (operation.name, person.role.value): await call(api, operation, person, ids)
        for operation in GUARDED
        for person in (stranger, rival)
        if person.role in row_of(operation).strangers
    }
    assert {who: status for who, status in answers.items() if status != 404} == {}
    assert not api.processes.said
    assert not api.quote_work.said


def test_every_route_with_an_object_in_its_path_names_its_strangers() -> None:
    for operation in GUARDED:
        mine = {role for role in row_of(operation).roles if role in (C, P)}
        if "{" in operation.path:
            assert set(row_of(operation).strangers) == mine, operation.name


async def test_unknown_ids_are_not_found_and_malformed_ones_too(
    settings: Settings, temporal: Client, world: World, ids: dict[str, str]
) -> None:
    people = {role: await world.person(role) for role in Role}
    unknown = {name: value[:4] + "f" * 32 for name, value in ids.items()}
    malformed = dict.fromkeys(ids, "x' OR 1=1")
    async with api_of(settings, temporal) as api:
        answers = {
            (operation.name, wrong["order_id"]): await call(api, operation, people[row_of(operation).roles[0]], wrong)
            for operation in GUARDED
            for wrong in (unknown, malformed)
            if "{" in operation.path
        }
    assert {what: status for what, status in answers.items() if status != 404} == {}
    assert len(answers) > 50
