"""Support asks a provider of her choice: beside the others, with a time of her own, and never who can't make it."""

from datetime import timedelta

import pytest

from fulfil.models.messages.jobs import (
    AcceptanceOutcome,
    OfferTo,
    OfferToProvider,
    ProviderOffered,
    Stage,
    StartJob,
)
from fulfil.models.messages.policies import OrderPolicies
from tests.activities.shop import SUPPORT, Shop
from tests.activities.till import Till


async def choose(shop: Shop, job: StartJob, provider: str, *, number: int = 1) -> ProviderOffered:
    """What `offer_to_provider` answers."""
    return await shop.jobs.offer_to_provider(
        OfferToProvider(
            job_id=job.job_id,
            order_id=job.order_id,
            round=1,
            number=number,
            choice=OfferTo(provider_id=provider, actor=SUPPORT, reason="she promised"),
            policies=job.policies,
        )
    )


async def test_she_is_asked_though_she_is_busy_new_and_said_no_before(shop: Shop) -> None:
    job = await shop.open_job()
    provider = await shop.add_provider(capacity_jobs=0, completed_jobs=0)

    first = await choose(shop, job, provider)
    again = await choose(shop, job, provider)

    assert first.offer is not None
    assert first == again
    assert first.expires_at == shop.clock() + timedelta(seconds=OrderPolicies().operator_decides_s)
    await shop.sql("UPDATE offers SET state = 'declined', closed_at = now()")
    assert (await choose(shop, job, provider, number=2)).offer == first.offer
    ((stage, state, reasons, closed_at),) = await shop.sql("SELECT stage, state, reasons, closed_at FROM offers")
    assert (stage, state, reasons, closed_at) == ("operator", "open", ["Chosen by support."], None)
    assert (await shop.events(job.order_id)).count("job.offered_by_support") == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE stock_items SET available_quantity = 1", "stock_short"),
        ("UPDATE providers SET suspended_at = now()", "provider_suspended"),
        ("UPDATE providers SET capabilities = '{}'", "not_capable"),
        ("UPDATE jobs SET state = 'cancelled'", "job_taken"),
        ("UPDATE jobs SET round = 2", "job_taken"),
    ],
)
async def test_who_can_not_make_it_is_not_asked_and_nothing_is_written(shop: Shop, change: str, code: str) -> None:
    job = await shop.open_job()
    provider = await shop.add_provider()
    await shop.sql(change)

    refused = await choose(shop, job, provider)

    assert (refused.offer, refused.code) == (None, code)
    assert await shop.value("SELECT count(*) FROM offers") == 0
    assert "job.offered_by_support" not in await shop.events(job.order_id)


async def test_nobody_is_asked_whom_nobody_knows(shop: Shop) -> None:
    assert (await choose(shop, await shop.open_job(), "prv_" + "f" * 32)).code == "provider_unknown"


async def test_her_offer_outlasts_the_waves_until_her_own_time_is_over(shop: Shop) -> None:
    shop.policies = shop.policies.model_copy(update={"offers_per_wave": 1})
    first, second, chosen = [await shop.add_provider(score=score) for score in (90, 80, 1)]
    job = await shop.open_job()
    assert [offer.provider_id for offer in job.wave.offers] == [first]
    asked = await choose(shop, job, chosen)

    wave = await shop.next_wave(job, Stage.WAVE, 2)
    assert [offer.provider_id for offer in wave.offers] == [second, chosen]
    assert await shop.next_wave(job, Stage.WAVE, 2) == wave
    board = await shop.next_wave(job, Stage.OPEN_BOARD, 3)
    assert {offer.provider_id for offer in board.offers} == {first, second, chosen}
    assert await shop.next_wave(job, Stage.OPEN_BOARD, 3) == board
    assert (await shop.next_wave(job, Stage.OPERATOR, 4)).offers == [asked.offer]
    shop.clock.advance(hours=73)
    assert (await shop.next_wave(job, Stage.OPERATOR, 5)).offers == []


async def test_a_full_newcomer_whom_support_chose_may_accept(till: Till) -> None:
    provider = await till.add_payee(capacity_jobs=0, completed_jobs=0)
    job = await till.open_job()
    asked = await choose(till.shop, job, provider)
    assert asked.offer is not None
    job = job.model_copy(update={"wave": job.wave.model_copy(update={"offers": [asked.offer]})})

    secured = await till.payments.secure_acceptance(till.shop.acceptance(job, provider))

    assert secured.outcome is AcceptanceOutcome.SECURED
