"""Going offline and being suspended: nothing new, and what was not started goes back."""

from typing import Any

import httpx
import pytest
from sqlalchemy import update

from fulfil.kit.clock import utc_now
from fulfil.models.ids import new_id
from fulfil.models.messages.jobs import JobState, OfferState, ReportKind
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.jobs import JobReportRow, ProductionRow
from tests.api.running import Api
from tests.api.world import Person, Sale, World


@pytest.fixture
async def sales(world: World, customer: Person, provider: Person, rival: Person) -> list[Sale]:
    """One accepted, one started, and a rival's accepted."""

    async def accepted_by(person: Person, production: JobState | None = JobState.ACCEPTED) -> Sale:
        return await world.sale(
            customer, person, job=JobState.ACCEPTED, offer=OfferState.ACCEPTED, production=production
        )

    return [
        await accepted_by(provider),
        await accepted_by(provider, JobState.IN_PRODUCTION),
        await accepted_by(rival),
    ]


async def switch(api: Api, person: Person, provider: Person, **body: Any) -> httpx.Response:
    return await api.request("PUT", f"/providers/{provider.party_id}/online", person, json=body)


async def suspend(api: Api, admin: Person, provider: Person, *, suspended: bool = True) -> httpx.Response:
    body = {"suspended": suspended, "reason": "under examination"}
    return await api.request("PUT", f"/providers/{provider.party_id}/suspension", admin, json=body)


async def reports(world: World) -> list[tuple[str, str, bool]]:
    return [(row.job_id, row.kind, row.signal_due) for row in await world.rows(JobReportRow)]


async def test_going_offline_gives_back_what_was_not_started_and_repeating_it_nothing_more(
    api: Api, world: World, provider: Person, sales: list[Sale]
) -> None:
    away = await switch(api, provider, provider, online=False)
    again = await switch(api, provider, provider, online=False)

    assert (away.status_code, away.json()["given_back"]) == (200, [sales[0].job_id])
    assert [block["code"] for block in away.json()["blocks"]] == ["provider_offline"]
    assert again.json()["given_back"] == []
    assert await reports(world) == [(sales[0].job_id, ReportKind.GIVEN_UP, True)]
    closed = [row.job_id for row in await world.rows(ProductionRow) if row.closed_at is not None]
    assert closed == [sales[0].job_id]


async def test_who_keeps_her_jobs_goes_offline_without_giving_back(
    api: Api, world: World, provider: Person, sales: list[Sale]
) -> None:
    away = await switch(api, provider, provider, online=False, keep_jobs=True)
    assert (away.json()["online"], away.json()["given_back"], len(sales)) == (False, [], 3)
    assert await reports(world) == []


async def test_a_suspended_provider_gives_back_and_can_not_go_online(
    api: Api, world: World, provider: Person, admin: Person, sales: list[Sale]
) -> None:
    suspended = (await suspend(api, admin, provider)).json()
    await switch(api, provider, provider, online=False)
    online = await switch(api, provider, provider, online=True)
    lifted = (await suspend(api, admin, provider, suspended=False)).json()
    back = await switch(api, provider, provider, online=True)

    assert (suspended["given_back"], suspended["suspension_reason"]) == ([sales[0].job_id], "under examination")
    assert [block["code"] for block in suspended["blocks"]] == ["provider_suspended"]
    refused = (online.status_code, online.json()["code"], online.json()["state"])
    assert refused == (409, "provider_suspended", "suspended")
    assert (lifted["suspended_at"], lifted["given_back"]) == (None, [])
    assert (back.json()["dispatchable"], back.json()["online_at"] is not None) == (True, True)
    assert len(await reports(world)) == 1


async def test_a_job_whose_payment_is_being_captured_is_named_and_goes_back_once_it_is_hers(
    api: Api, world: World, customer: Person, provider: Person, admin: Person
) -> None:
    sale = await world.sale(customer, provider, job=JobState.ACCEPTED, offer=OfferState.ACCEPTED)
    first = (await suspend(api, admin, provider)).json()
    await world.add(
        ProductionRow(
            offer_id=sale.offer_id,
            job_id=sale.job_id,
            order_id=sale.order_id,
            provider_id=provider.owner_id,
            state=JobState.ACCEPTED,
            start_due_at=utc_now(),
        )
    )
    second = (await suspend(api, admin, provider)).json()

    assert (first["given_back"], first["being_secured"]) == ([], [sale.job_id])
    assert (second["given_back"], second["being_secured"]) == ([sale.job_id], [])


async def test_suspending_takes_a_reason_and_never_oneself(api: Api, provider: Person, admin: Person) -> None:
    path = f"/providers/{provider.party_id}/suspension"
    silent = await api.request("PUT", path, admin, json={"suspended": True})
    herself = await api.request("PUT", path, provider, json={"suspended": False, "reason": "I am fine"})
    assert (silent.json()["param"], herself.status_code) == ("reason", 403)


async def test_payouts_say_what_comes_next(api: Api, world: World, provider: Person, admin: Person) -> None:
    path = f"/providers/{provider.party_id}"
    async with world.begin() as session:
        await session.execute(update(ProviderRow).values(stripe_account_id="acct_1", payouts_status="restricted"))
    restricted = (await api.get(path, provider)).json()
    async with world.begin() as session:
        await session.execute(update(ProviderRow).values(payouts_status="active", completed_jobs=5))
    active = (await api.get(path, admin)).json()

    assert "onboarding" in restricted["payouts"]["next"]
    assert [block["code"] for block in restricted["blocks"]] == ["payouts_restricted"]
    assert (active["payouts"]["next"], active["dispatchable"], active["newcomer"]) == (None, True, None)


async def test_going_online_looks_again_at_an_account_that_was_restricted(
    paying_api: Api, world: World, provider: Person
) -> None:
    account_id = await paying_api.context.stripe.create_recipient_account(
        provider_id=provider.owner_id, name="Maker", idempotency_key=new_id("key")
    )
    async with world.begin() as session:
        await session.execute(update(ProviderRow).values(stripe_account_id=account_id, payouts_status="restricted"))
    online = await switch(paying_api, provider, provider, online=True)

    assert (online.json()["payouts"]["status"], online.json()["dispatchable"]) == ("active", True)
