"""A provider's payout account: completed on the payment provider's pages, looked at here."""

from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import update

from fulfil.kit.settings import Settings
from fulfil.ledger import accounts, entries
from fulfil.ledger.posting import post
from fulfil.models.ids import new_id
from fulfil.models.tables.accounts import ProviderRow
from tests.api.running import Api
from tests.api.world import Person, World

RETURNS = {"return_url": "https://shop.test/done", "refresh_url": "https://shop.test/again"}


@pytest.fixture
async def account(paying_api: Api, world: World, provider: Person) -> str:
    """The provider's account at Stripe."""
    account_id = await paying_api.context.stripe.create_recipient_account(
        provider_id=provider.owner_id, name="Maker", idempotency_key=new_id("key")
    )
    async with world.begin() as session:
        await session.execute(
            update(ProviderRow).where(ProviderRow.id == provider.owner_id).values(stripe_account_id=account_id)
        )
    return account_id


@pytest.mark.usefixtures("account")
async def test_it_says_whether_she_can_be_paid_and_what_is_open(
    paying_api: Api, world: World, provider: Person
) -> None:
    at = datetime.now(UTC)
    async with world.begin() as session:
        for currency, owed in (("eur", 8_500), ("jpy", 1_200)):
            await post(
                session,
                entries.entry("planted", (accounts.LOSS, owed), (accounts.payable(provider.owner_id), -owed)),
                business_key=f"planted:{currency}",
                order_id=None,
                effective_at=at,
                currency=currency,
            )

    seen = (await paying_api.get(f"/providers/{provider.owner_id}/payout-account", provider)).json()

    assert (seen["can_receive_transfers"], seen["status"], seen["due"]) == (True, "active", [])
    assert seen["payable"] == [
        {"amount_minor": 8_500, "currency": "eur"},
        {"amount_minor": 1_200, "currency": "jpy"},
    ]
    assert seen["receivable"] == []


async def test_an_account_that_is_not_complete_names_its_state(
    paying_api: Api, simulated: Settings, provider: Person, account: str
) -> None:
    async with httpx.AsyncClient(base_url=simulated.stripe_api_base) as admin:
        changed = await admin.post(f"/_simulator/accounts/{account}/capability", json={"status": "restricted"})
        changed.raise_for_status()

    seen = (await paying_api.get(f"/providers/{provider.owner_id}/payout-account", provider)).json()

    assert (seen["can_receive_transfers"], seen["status"]) == (False, "restricted")


async def test_without_an_account_there_is_nothing_to_complete(paying_api: Api, provider: Person) -> None:
    path = f"/providers/{provider.owner_id}/payout-account"

    seen = await paying_api.get(path, provider)
    refused = await paying_api.post(f"{path}/onboarding", provider, json=RETURNS)

    assert (seen.json()["status"], seen.json()["can_receive_transfers"]) == ("none", False)
    assert (refused.status_code, refused.json()["code"]) == (409, "no_payout_account")


@pytest.mark.usefixtures("account")
async def test_each_visit_gets_its_own_link_and_a_repeated_request_the_same(paying_api: Api, provider: Person) -> None:
    path = f"/providers/{provider.owner_id}/payout-account/onboarding"

    first = await paying_api.post(path, provider, json=RETURNS, key="visit-1")
    again = await paying_api.post(path, provider, json=RETURNS, key="visit-1")
    second = await paying_api.post(path, provider, json=RETURNS, key="visit-2")

    assert (first.status_code, first.json()["url"]) == (201, again.json()["url"])
    assert second.json()["url"] != first.json()["url"]


@pytest.mark.usefixtures("account")
async def test_addresses_that_are_none_are_refused_by_name(paying_api: Api, provider: Person) -> None:
    refused = await paying_api.post(
        f"/providers/{provider.owner_id}/payout-account/onboarding",
        provider,
        json={**RETURNS, "return_url": "javascript:alert(1)"},
    )

    assert (refused.status_code, refused.json()["param"]) == (422, "return_url")
