"""Connected accounts: what is shown, what may be paid, and how a recipient becomes one."""

import re
from typing import Any

import httpx
import pytest

from tests.simulators.stripe_http import StripeHttp

ACCOUNTS = "/v2/core/accounts"
RECIPIENT = {"recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": {"requested": True}}}}}


async def made(stripe: StripeHttp, path: str = ACCOUNTS, **body: object) -> Any:
    """The answer of a JSON POST that must succeed."""
    answer = await stripe.client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def pay(stripe: StripeHttp, account: str) -> httpx.Response:
    """A transfer to the account out of a fresh charge."""
    charge = (await stripe.captured())["latest_charge"]
    return await stripe.post(
        "/v1/transfers", amount=100, currency="eur", destination=account, source_transaction=charge
    )


async def onboarding(stripe: StripeHttp, account: str) -> str:
    """A fresh link's address."""
    flow = {"refresh_url": "https://shop.example/again", "return_url": "https://shop.example/done"}
    use_case = {"type": "account_onboarding", "account_onboarding": flow}
    link = await made(stripe, "/v2/core/account_links", account=account, use_case=use_case)
    assert (link["object"], link["account"]) == ("v2.core.account_link", account)
    return str(link["url"])


async def test_an_account_shows_only_what_is_asked_for(stripe: StripeHttp) -> None:
    identity = {"country": "lv", "entity_type": "individual", "individual": {"given_name": "Max"}}
    account = await made(stripe, configuration=RECIPIENT, identity=identity, include=["identity"])
    assert (account["identity"]["individual"]["given_name"], account["configuration"]) == ("Max", None)
    bare = (await stripe.client.get(f"{ACCOUNTS}/{account['id']}")).json()
    assert [bare[part] for part in ("configuration", "defaults", "identity", "requirements")] == [None] * 4
    everything = await stripe.read(
        f"{ACCOUNTS}/{account['id']}", include=["configuration.recipient", "defaults", "requirements"]
    )
    capability = everything["configuration"]["recipient"]["capabilities"]["stripe_balance"]["stripe_transfers"]
    assert capability == {"status": "active", "status_details": []}
    assert everything["requirements"]["entries"] == []
    changed = await made(stripe, f"{ACCOUNTS}/{account['id']}", display_name="Max's", metadata={"shop": "1"})
    assert (changed["display_name"], changed["metadata"]) == ("Max's", {"shop": "1"})
    old = await stripe.read(f"/v1/accounts/{account['id']}")
    assert (old["capabilities"], old["payouts_enabled"], old["country"]) == ({"transfers": "active"}, True, "LV")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"shoe": 1}, "shoe"),
        ({"display_name": 5}, "display_name"),
        ({"dashboard": "huge"}, "dashboard"),
        ({"identity": {"planet": "x"}}, "identity.planet"),
        (
            {"configuration": {"recipient": {"capabilities": {"cards": {}}}}},
            "configuration.recipient.capabilities.cards",
        ),
        ({"include": ["secrets"]}, "include.0"),
        ({"contact_email": "nobody"}, "contact_email"),
    ],
)
async def test_a_wrong_account_is_refused_with_the_field_named(
    stripe: StripeHttp, body: dict[str, object], param: str
) -> None:
    answer = await stripe.client.post(ACCOUNTS, json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_links_no_longer_name_configurations(stripe: StripeHttp) -> None:
    account = await stripe.recipient()
    flow = {"refresh_url": "https://a.b", "configurations": ["recipient"]}
    use_case = {"type": "account_onboarding", "account_onboarding": flow}
    answer = await stripe.client.post("/v2/core/account_links", json={"account": account, "use_case": use_case})
    assert answer.json()["error"]["param"] == "use_case.account_onboarding.configurations"


async def test_money_goes_only_to_an_account_whose_capability_is_active(lab: StripeHttp) -> None:
    await lab.admin("POST", "/capabilities", {"status": "restricted"})
    account = await lab.recipient()
    refused = await pay(lab, account)
    assert refused.json()["error"]["code"] == "insufficient_capabilities_for_transfer"
    due = await lab.read(f"{ACCOUNTS}/{account}", include=["requirements"])
    assert due["requirements"]["summary"]["minimum_deadline"]["status"] == "past_due"
    await lab.admin("POST", f"/accounts/{account}/capability", {"status": "active"})
    assert (await pay(lab, account)).status_code == 200
    await lab.admin("POST", f"/accounts/{account}/capability", {"status": "rejected"})
    assert (await pay(lab, account)).status_code == 400
    await lab.admin("POST", "/capabilities", {"status": "active"})


async def test_a_recipient_becomes_payable_on_the_page_behind_a_link_that_works_once(lab: StripeHttp) -> None:
    await lab.admin("POST", "/capabilities", {"status": "restricted"})
    account = await lab.recipient()
    await lab.admin("POST", "/capabilities", {"status": "active"})
    url = await onboarding(lab, account)
    page = await lab.client.get(url)
    session = re.search(r'name="session" value="([^"]+)"', page.text)
    assert session is not None
    again = await lab.client.get(url)
    assert (again.status_code, again.headers["location"]) == (303, "https://shop.example/again")
    form = f"session={session[1]}&name=Max&bank=000123456789&outcome=active&done=yes"
    done = await lab.client.post(url, content=form)
    assert (done.status_code, done.headers["location"]) == (303, "https://shop.example/done")
    assert (await lab.client.post(url, content=form)).status_code == 409
    assert (await pay(lab, account)).status_code == 200
    events = (await lab.client.get("/v2/core/events", params={"object_id": account})).json()["data"]
    kinds = {event["type"] for event in events}
    assert "v2.core.account[configuration.recipient].capability_status_updated" in kinds
    returned = await lab.client.get("/v2/core/events", params={"types[0]": "v2.core.account_link.returned"})
    assert returned.json()["data"][0]["data"]["account_id"] == account
    assert "related_object" not in returned.json()["data"][0]
    assert (await lab.client.get(f"/v2/core/events/{events[0]['id']}")).json() == events[0]
    snapshots = await lab.client.get("/v1/events", headers={"Stripe-Account": account})
    assert snapshots.json()["data"][0]["type"] == "account.updated"


async def test_a_link_that_is_old_sends_its_visitor_to_get_a_new_one(lab: StripeHttp) -> None:
    url = await onboarding(lab, await lab.recipient())
    await lab.admin("POST", "/clock", {"advance_s": 600})
    late = await lab.client.get(url)
    assert (late.status_code, late.headers["location"]) == (303, "https://shop.example/again")
    assert (await lab.client.get("/_simulator/onboarding/nobody")).status_code == 404


async def test_people_are_added_changed_listed_and_removed(stripe: StripeHttp) -> None:
    path = f"{ACCOUNTS}/{await stripe.recipient()}/persons"
    person = await made(stripe, path, given_name="Ann", id_numbers=[{"type": "us_ssn", "value": "000000000"}])
    assert person["id_numbers"] == [{"type": "us_ssn"}]
    await made(stripe, path, given_name="Bob")
    changed = await made(stripe, f"{path}/{person['id']}", surname="Smith")
    assert (changed["given_name"], changed["surname"]) == ("Ann", "Smith")
    first = (await stripe.client.get(path, params={"limit": 1})).json()
    assert ([one["given_name"] for one in first["data"]], first["previous_page_url"]) == (["Bob"], None)
    second = (await stripe.client.get(first["next_page_url"])).json()
    assert ([one["given_name"] for one in second["data"]], second["next_page_url"]) == (["Ann"], None)
    assert (await stripe.client.delete(f"{path}/{person['id']}")).status_code == 200
    assert (await stripe.client.get(f"{path}/{person['id']}")).json()["error"]["code"] == "not_found"


async def test_a_closed_account_gets_no_money_and_is_listed_apart(stripe: StripeHttp) -> None:
    account = await stripe.recipient()
    wrong = await stripe.client.post(f"{ACCOUNTS}/{account}/close", json={"applied_configurations": ["merchant"]})
    assert wrong.status_code == 400
    closed = await made(stripe, f"{ACCOUNTS}/{account}/close", applied_configurations=["recipient"])
    assert closed["closed"] is True
    assert (await pay(stripe, account)).status_code == 400
    listed = (await stripe.client.get(ACCOUNTS, params={"closed": "true"})).json()["data"]
    assert account in [one["id"] for one in listed]
    unknown = await stripe.client.get("/v1/balance", headers={"Stripe-Account": "acct_nobody"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (403, "account_invalid")
