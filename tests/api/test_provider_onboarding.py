"""Onboarding: an applicant registers herself, proves who she is, and is taken in by administration alone."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from fulfil.api.security import TokenClaims
from fulfil.kit.clock import utc_now
from fulfil.models.messages.parties import Role
from fulfil.models.tables.accounts import AccountRow, ProviderRow
from fulfil.models.tables.providers import CertificateRow
from tests.api.running import Api
from tests.api.world import TOKENS, Person, World

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
APPLICATION: dict[str, Any] = {
    "email": "grace@example.com",
    "password": "correct horse battery",
    "contact_name": "Grace Hopper",
    "business_name": "Hopper Prints",
    "business_type": "company",
    "address": {"country": "DE", "postal_code": "10119", "city": "Berlin", "lines": ["12 Main Street"]},
    "capabilities": {"fdm": ["PLA"]},
    "time_zone": "Europe/Berlin",
}


def soon(days: int = 100) -> str:
    return (utc_now() + timedelta(days=days)).isoformat()


async def applied(api: Api, **changed: Any) -> Person:
    """An applicant with her token."""
    filed = await api.post("/providers/applications", json={**APPLICATION, **changed})
    assert filed.status_code == 201, filed.text
    account = filed.json()["account"]
    token = TOKENS.issue(TokenClaims(account["id"], Role.PROVIDER, account["party_id"]), utc_now())
    headers = {"Authorization": f"Bearer {token}"}
    return Person(account["id"], account["party_id"], Role.PROVIDER, account["email"], headers)


async def hand_in(api: Api, person: Person, kind: str, **more: Any) -> httpx.Response:
    """Upload a PDF and hand it in."""
    file = await api.post("/files", person, files={"file": ("paper.pdf", PDF)})
    body = {"kind": kind, "title": f"My {kind}", "file_id": file.json()["id"], **more}
    return await api.post(f"/providers/{person.party_id}/certificates", person, json=body)


async def decide(api: Api, admin: Person, certificate: dict[str, Any], **decision: Any) -> httpx.Response:
    path = f"/providers/{certificate['provider_id']}/certificates/{certificate['id']}"
    return await api.request("PUT", path, admin, json=decision)


async def verify(api: Api, person: Person, provider_id: str | None, verification: str = "verified") -> httpx.Response:
    body = {"verification": verification, "note": "looked at"}
    return await api.request("PUT", f"/providers/{provider_id}/verification", person, json=body)


async def test_an_applicant_is_taken_in_once_her_documents_are_verified(paying_api: Api, admin: Person) -> None:
    grace = await applied(paying_api)
    path = f"/providers/{grace.party_id}"
    before = (await paying_api.get(path, grace)).json()
    too_early = await verify(paying_api, admin, grace.party_id)
    papers = [
        (await hand_in(paying_api, grace, kind, expires_at=soon())).json()
        for kind in ("trade_registration", "liability_insurance")
    ]
    waiting = (await paying_api.get(path, grace)).json()
    read = await paying_api.get(f"/files/{papers[0]['file_id']}/content", admin)
    decided = [await decide(paying_api, admin, paper, state="verified") for paper in papers]
    taken_in = await verify(paying_api, admin, grace.party_id)
    online = await paying_api.request("PUT", f"{path}/online", grace, json={"online": True})

    assert (before["verification"], before["online"], before["dispatchable"]) == ("applied", False, False)
    assert before["missing_certificates"] == ["trade_registration", "liability_insurance"]
    assert [block["code"] for block in before["blocks"]] == ["provider_applied", "provider_offline"]
    assert (too_early.status_code, too_early.json()["code"]) == (409, "certificates_missing")
    assert (waiting["missing_certificates"], read.content) == ([], PDF)
    assert [answer.json()["state"] for answer in decided] == ["verified", "verified"]
    assert all(paper["required"] for paper in papers)
    assert taken_in.status_code == 200, taken_in.text
    assert taken_in.json()["payouts"]["account_id"].startswith("acct_")
    assert (taken_in.json()["payouts"]["status"], taken_in.json()["payouts"]["next"]) == ("active", None)
    assert (online.json()["dispatchable"], online.json()["blocks"]) == (True, [])
    assert online.json()["newcomer"] == {"jobs_left": 5, "jobs_at_a_time": 1, "job_value_minor": 500_000}


async def test_a_repeated_application_is_one_application_whose_account_signs_in(api: Api, world: World) -> None:
    answers = [await api.post("/providers/applications", key="a1", json=APPLICATION) for _ in range(2)]
    login = {"email": APPLICATION["email"], "password": APPLICATION["password"]}
    signed_in = await api.post("/auth/login", json=login)
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert len(await world.rows(ProviderRow)) == 1
    assert signed_in.status_code == 200


async def test_an_e_mail_that_is_taken_leaves_no_provider_behind(api: Api, world: World, customer: Person) -> None:
    refused = await api.post("/providers/applications", json={**APPLICATION, "email": customer.email})
    assert (refused.status_code, refused.json()["code"]) == (409, "email_taken")
    assert await world.rows(ProviderRow) == []
    assert len(await world.rows(AccountRow)) == 1


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("address", {**APPLICATION["address"], "country": "XX"}, "address.country"),
        ("address", {**APPLICATION["address"], "latitude": 52.5}, "address"),
        ("business_type", "guild", "business_type"),
        ("capabilities", {}, "capabilities"),
        ("password", "short", "password"),
        ("time_zone", "Mars/Olympus", "time_zone"),
        ("verification", "verified", "verification"),
    ],
)
async def test_a_bad_application_names_the_field(api: Api, field: str, value: Any, param: str) -> None:
    refused = await api.post("/providers/applications", json={**APPLICATION, field: value})
    assert (refused.status_code, refused.json()["param"]) == (422, param)


async def test_an_applicant_neither_verifies_herself_nor_goes_online(api: Api) -> None:
    grace = await applied(api)
    paper = (await hand_in(api, grace, "trade_registration")).json()
    herself = await verify(api, grace, grace.party_id)
    her_paper = await decide(api, grace, paper, state="verified")
    online = await api.request("PUT", f"/providers/{grace.party_id}/online", grace, json={"online": True})

    assert (herself.status_code, her_paper.status_code) == (403, 403)
    assert (online.status_code, online.json()["code"], online.json()["state"]) == (409, "provider_applied", "applied")


async def test_an_applicant_offers_no_service(api: Api) -> None:
    grace = await applied(api)
    milestone = {"title": "Everything", "days": 7, "share_bp": 10_000}
    body = {"title": "Design", "price": {"amount_minor": 5000, "currency": "eur"}, "milestones": [milestone]}
    refused = await api.post("/services", grace, json={**body, "description": "From your sketch."})
    assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (
        409,
        "provider_applied",
        "applied",
    )


async def test_only_her_own_documents_in_force_are_taken(
    api: Api, world: World, provider: Person, rival: Person
) -> None:
    hers = await world.file(provider, file_format="pdf")
    solid = await world.file(provider)
    anothers = await world.file(rival, file_format="pdf")
    good = {"kind": "other", "title": "x", "file_id": hers}
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "another's file": ({"file_id": anothers}, "file_not_usable"),
        "a model": ({"file_id": solid}, "file_not_usable"),
        "expired": ({"expires_at": soon(-1)}, "certificate_expired"),
        "not issued yet": ({"issued_at": soon(1)}, "not_issued_yet"),
        "backwards": ({"issued_at": soon(-1), "expires_at": soon(-2)}, "parameter_invalid"),
        "a date without a zone": ({"expires_at": "2126-01-01T00:00:00"}, "parameter_invalid"),
    }
    path = f"/providers/{provider.party_id}/certificates"
    codes = {
        name: (await api.post(path, provider, json={**good, **wrong})).json()["code"]
        for name, (wrong, _) in cases.items()
    }

    assert codes == {name: code for name, (_, code) in cases.items()}
    assert await world.rows(CertificateRow) == []


async def test_a_document_is_decided_for_its_own_provider_with_a_note(
    api: Api, world: World, provider: Person, rival: Person, admin: Person
) -> None:
    file_id = await world.file(provider, file_format="pdf")
    body = {"kind": "identity", "title": "Passport", "file_id": file_id}
    paper = (await api.post(f"/providers/{provider.party_id}/certificates", provider, json=body, key="c1")).json()
    again = (await api.post(f"/providers/{provider.party_id}/certificates", provider, json=body, key="c1")).json()
    of_another = await decide(api, admin, {**paper, "provider_id": rival.party_id}, state="verified")
    silently = await decide(api, admin, paper, state="rejected")
    decided = await decide(api, admin, paper, state="rejected", note="unreadable")
    listed = (await api.get(f"/providers/{provider.party_id}/certificates", provider)).json()

    assert again["id"] == paper["id"]
    assert of_another.status_code == 404
    assert (silently.status_code, "note is needed" in silently.json()["detail"]) == (422, True)
    assert (decided.json()["state"], decided.json()["decided_by"]) == ("rejected", admin.account_id)
    assert [each["note"] for each in listed["data"]] == ["unreadable"]


async def test_a_certificate_that_expires_pauses_dispatch_by_itself_until_it_is_renewed(
    api: Api, world: World, provider: Person, admin: Person
) -> None:
    path = f"/providers/{provider.party_id}"

    async def insure(days: int) -> dict[str, Any]:
        file_id = await world.file(provider, file_format="pdf")
        body = {"kind": "liability_insurance", "title": "x", "file_id": file_id, "expires_at": soon(days)}
        paper: dict[str, Any] = (await api.post(f"{path}/certificates", provider, json=body)).json()
        return paper

    await decide(api, admin, await insure(10), state="verified")
    renewal = await insure(400)
    assert (await api.get(path, admin)).json()["dispatchable"] is True
    api.clock.ahead = timedelta(days=11)
    [block] = (await api.get(path, admin)).json()["blocks"]
    await decide(api, admin, renewal, state="verified")

    assert (block["code"], "checked" in block["remedy"]) == ("certificate_expired", True)
    assert (await api.get(path, admin)).json()["blocks"] == []


async def test_administration_asks_for_one_more_document_and_who_was_verified_is_not_rejected(
    api: Api, world: World, provider: Person, admin: Person
) -> None:
    path = f"/providers/{provider.party_id}"
    file_id = await world.file(provider, file_format="pdf")
    body = {"kind": "quality_management", "title": "ISO 9001", "file_id": file_id}
    paper = (await api.post(f"{path}/certificates", provider, json=body)).json()
    asked = await decide(api, admin, paper, state="rejected", note="expired edition", required=True)
    blocked = (await api.get(path, provider)).json()
    rejected = await verify(api, admin, provider.party_id, "rejected")

    assert (paper["required"], asked.json()["required"]) == (False, True)
    assert [block["code"] for block in blocked["blocks"]] == ["certificate_missing"]
    assert blocked["missing_certificates"] == []
    assert (rejected.status_code, rejected.json()["allowed_actions"]) == (409, ["suspend"])


async def test_a_rejected_applicant_reads_why_and_can_be_taken_in_later(api: Api, world: World, admin: Person) -> None:
    grace = await applied(api)
    rejected = await verify(api, admin, grace.party_id, "rejected")
    read = (await api.get(f"/providers/{grace.party_id}", grace)).json()

    assert (rejected.json()["verification"], read["verification_note"]) == ("rejected", "looked at")
    assert [block["code"] for block in read["blocks"]] == ["provider_rejected", "provider_offline"]
    still_missing = await verify(api, admin, grace.party_id)
    assert still_missing.json()["code"] == "certificates_missing"
    [row] = await world.rows(ProviderRow)
    assert row.stripe_account_id is None


async def test_administration_may_enter_an_applicant(api: Api, admin: Person) -> None:
    body = {"name": "Printworks", "capabilities": {"fdm": ["PLA"]}, "verified": False}
    entered = (await api.post("/providers", admin, json=body)).json()
    assert (entered["verification"], entered["online"], entered["stripe_account_id"]) == ("applied", False, None)
