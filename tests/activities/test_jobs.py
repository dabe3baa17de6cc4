"""Waves, refusals, taking back and new rounds: each written once, whoever retries it."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError

from fulfil.models.messages.jobs import (
    BeginRound,
    CloseJob,
    DeclineOffer,
    JobState,
    JobWithdrawal,
    Remind,
    RoundBegun,
    Stage,
    StartJob,
    WithdrawJob,
)
from fulfil.models.messages.orders import OpenJob
from fulfil.models.messages.parties import Actor, ActorKind
from tests.activities.shop import SUPPORT, Shop, until

CUSTOMER = Actor(kind=ActorKind.CUSTOMER, id="acc_customer")


async def withdraw(shop: Shop, job: StartJob, *, whole_order: bool = True) -> JobWithdrawal:
    """The order takes the job back."""
    request = WithdrawJob(
        job_id=job.job_id, order_id=job.order_id, actor=CUSTOMER, reason="changed my mind", whole_order=whole_order
    )
    return await shop.jobs.withdraw_job(request)


async def begin_round(
    shop: Shop, job: StartJob, number: int, *, only_if_not_started: bool = True, only_if_not_shipped: bool = False
) -> RoundBegun:
    """The job is offered anew."""
    return await shop.jobs.begin_round(
        BeginRound(
            job_id=job.job_id,
            order_id=job.order_id,
            round=number,
            actor=SUPPORT,
            reason="too slow",
            only_if_not_started=only_if_not_started,
            only_if_not_shipped=only_if_not_shipped,
            policies=job.policies,
        )
    )


async def states(shop: Shop, job: StartJob) -> dict[str, str]:
    """State of each provider's latest offer."""
    rows = await shop.sql("SELECT provider_id, state FROM offers WHERE job_id = :id ORDER BY round", id=job.job_id)
    return {row.provider_id: row.state for row in rows}


async def test_waves_take_the_next_best_then_the_board_takes_everybody_then_support(shop: Shop) -> None:
    shop.policies = shop.policies.model_copy(update={"offers_per_wave": 2})
    providers = [await shop.add_provider(score=100 - n) for n in range(5)]
    job = await shop.open_job()
    assert [offer.provider_id for offer in job.wave.offers] == providers[:2]

    second = await shop.next_wave(job, Stage.WAVE, 2)
    assert [offer.provider_id for offer in second.offers] == providers[2:4]
    assert second.ends_at == shop.clock() + timedelta(seconds=90)
    assert await states(shop, job) == dict.fromkeys(providers[:2], "expired") | dict.fromkeys(providers[2:4], "open")

    board = await shop.next_wave(job, Stage.OPEN_BOARD, 3)
    assert [offer.provider_id for offer in board.offers] == providers
    assert board.ends_at == shop.clock() + timedelta(hours=48)
    assert await states(shop, job) == dict.fromkeys(providers, "open")

    operator = await shop.next_wave(job, Stage.OPERATOR, 4)
    assert operator.offers == []
    assert operator.ends_at == shop.clock() + timedelta(hours=72)
    assert await states(shop, job) == dict.fromkeys(providers, "expired")
    assert (await shop.events(job.order_id))[-3:] == ["job.offered", "job.put_on_board", "job.escalated"]
    ((who, by),) = await shop.sql("SELECT next_who, next_by FROM timelines WHERE order_id = :id", id=job.order_id)
    assert (who, by) == ("support", operator.ends_at)


async def test_a_retried_wave_finds_what_was_offered(shop: Shop) -> None:
    for n in range(4):
        await shop.add_provider(score=100 - n)
    shop.policies = shop.policies.model_copy(update={"offers_per_wave": 2})
    job = await shop.open_job()
    for stage, number in ((Stage.WAVE, 2), (Stage.OPEN_BOARD, 3), (Stage.OPERATOR, 4)):
        first = await shop.next_wave(job, stage, number)
        events = await shop.events(job.order_id)
        await shop.add_provider(score=1)
        shop.clock.advance(minutes=1)

        assert await shop.next_wave(job, stage, number) == first
        assert await shop.events(job.order_id) == events

    assert (await shop.orders.open_job(open_request(job))).start.wave == job.wave


def open_request(job: StartJob) -> OpenJob:
    """The message that opened this job."""
    return OpenJob(order_id=job.order_id, line_id=job.line_id, payment_intent_id="pi", policies=job.policies)


async def test_concurrent_attempts_open_one_wave(shop: Shop) -> None:
    shop.policies = shop.policies.model_copy(update={"offers_per_wave": 1})
    for n in range(6):
        await shop.add_provider(score=100 - n)
    job = await shop.open_job()

    waves = await asyncio.gather(*(shop.next_wave(job, Stage.WAVE, 2) for _ in range(5)))

    assert all(wave == waves[0] for wave in waves)
    assert await shop.value("SELECT count(*) FROM offers WHERE state = 'open'") == 1


async def test_the_open_board_opens_an_expired_offer_again_but_not_a_declined_one(shop: Shop) -> None:
    slow, unwilling = await shop.add_provider(score=90), await shop.add_provider(score=80)
    job = await shop.open_job()
    offer_of = {offer.provider_id: offer.offer_id for offer in job.wave.offers}
    await decline(shop, unwilling, offer_of[unwilling])

    board = await shop.next_wave(job, Stage.OPEN_BOARD, 4)

    assert [(offer.offer_id, offer.provider_id) for offer in board.offers] == [(offer_of[slow], slow)]
    assert await states(shop, job) == {slow: "open", unwilling: "declined"}


async def test_a_wave_nobody_can_be_asked_in_is_over_at_once(shop: Shop) -> None:
    await shop.add_provider()
    job = await shop.open_job()

    wave = await shop.next_wave(job, Stage.WAVE, 2)

    assert (wave.offers, wave.ends_at) == ([], shop.clock())
    assert await shop.value("SELECT state FROM offers") == "expired"


async def decline(shop: Shop, provider: str, offer_id: str) -> None:
    """The provider says no."""
    await shop.jobs.decline_offer(
        DeclineOffer(
            offer_id=offer_id,
            provider_id=provider,
            actor=Actor(kind=ActorKind.PROVIDER, id=provider),
            reason="too busy",
        )
    )


async def test_declining_twice_is_written_once(shop: Shop) -> None:
    provider = await shop.add_provider()
    job = await shop.open_job()
    (offer,) = job.wave.offers

    await decline(shop, provider, offer.offer_id)
    await decline(shop, provider, offer.offer_id)

    ((state, reason),) = await shop.sql("SELECT state, close_reason FROM offers")
    assert (state, reason) == ("declined", "too busy")
    assert (await shop.events(job.order_id)).count("offer.declined") == 1


async def test_a_refusal_with_a_code_says_both(shop: Shop) -> None:
    provider = await shop.add_provider()
    job = await shop.open_job()
    (offer,) = job.wave.offers
    actor = Actor(kind=ActorKind.PROVIDER, id=provider)

    await shop.jobs.decline_offer(
        DeclineOffer(
            offer_id=offer.offer_id, provider_id=provider, actor=actor, reason="till Monday", code="machine_down"
        )
    )

    assert await shop.value("SELECT close_reason FROM offers") == "machine_down: till Monday"
    data = await shop.value("SELECT data FROM events WHERE type = 'offer.declined'")
    assert (data["code"], data["reason"]) == ("machine_down", "till Monday")


async def test_a_line_taken_back_alone_leaves_the_order_as_it_is(shop: Shop) -> None:
    await shop.add_provider()
    job = await shop.open_job()

    assert (await withdraw(shop, job, whole_order=False)).withdrawn

    assert await shop.value("SELECT state FROM orders") == "paid"
    events = await shop.events(job.order_id)
    assert "job.cancelled" in events
    assert "order.cancelling" not in events


async def test_a_job_given_back_goes_to_others_and_never_to_her_again(shop: Shop) -> None:
    hers = await shop.add_provider(score=90)
    job = await shop.open_job(material_g=100)
    await shop.give_job_to(job, provider_id=hers, started=True)
    await shop.sql("UPDATE productions SET closed_at = now(), state = 'cancelled'")
    other = await shop.add_provider(score=10)

    begun = await begin_round(shop, job, 2, only_if_not_started=False)

    assert begun.wave is not None
    assert [offer.provider_id for offer in begun.wave.offers] == [other]
    assert await shop.stock(hers) == (1000, 0)


@pytest.mark.parametrize("column", ["delivered_at", "pickup_ready_at", "shipped_at"])
async def test_work_that_is_on_its_way_is_not_offered_anew_for_being_late(shop: Shop, column: str) -> None:
    provider = await shop.add_provider()
    job = await shop.open_job()
    await shop.give_job_to(job, provider_id=provider, started=True)
    await shop.sql(f"UPDATE productions SET {column} = now()")

    kept = await begin_round(shop, job, 2, only_if_not_started=False, only_if_not_shipped=True)

    assert kept.wave is None
    assert await shop.value("SELECT provider_id FROM jobs") == provider


async def test_delivered_work_is_not_taken_back_though_support_asked_before_it_was_known(shop: Shop) -> None:
    provider = await shop.add_provider()
    job = await shop.open_job()
    await shop.give_job_to(job, provider_id=provider, started=True)
    await shop.sql("UPDATE productions SET state = 'delivered', shipped_at = now(), delivered_at = now()")

    kept = await begin_round(shop, job, 2, only_if_not_started=False)

    assert kept.wave is None
    assert await shop.value("SELECT provider_id FROM jobs") == provider


async def test_a_reminder_names_who_what_and_by_when_once(shop: Shop) -> None:
    job = await shop.open_job()
    by = shop.clock() + timedelta(days=1)
    reminder = Remind(
        order_id=job.order_id, job_id=job.job_id, who="provider", what="start production", by=by, number=1
    )

    await shop.jobs.remind(reminder)
    await shop.jobs.remind(reminder)

    assert (await shop.events(job.order_id)).count("reminder.sent") == 1
    ((who, what, when),) = await shop.sql("SELECT next_who, next_what, next_by FROM timelines")
    assert (who, what, when) == ("provider", "start production", by)


async def test_taking_a_job_back_frees_provider_material_and_offers(shop: Shop) -> None:
    winner, other = await shop.add_provider(score=90), await shop.add_provider(score=80)
    job = await shop.open_job(material_g=100)
    await shop.give_job_to(job, provider_id=winner)
    assert await shop.stock(winner) == (900, 100)

    answers = [await withdraw(shop, job), await withdraw(shop, job)]

    assert answers == [JobWithdrawal(job_id=job.job_id, withdrawn=True, state=JobState.CANCELLED)] * 2
    assert await shop.stock(winner) == (1000, 0)
    assert await states(shop, job) == {winner: "withdrawn", other: "lost"}
    ((order_state, reason),) = await shop.sql("SELECT state, cancel_reason FROM orders")
    assert (order_state, reason) == ("cancelling", "changed my mind")
    assert await shop.value("SELECT count(*) FROM productions WHERE closed_at IS NULL") == 0
    assert (await shop.events(job.order_id))[-2:] == ["job.cancelled", "order.cancelling"]
    signals = await shop.signals(f"job/{job.job_id}")
    assert signals == [("withdrawn", {"reason": "changed my mind"})] * 2


async def test_a_job_in_production_can_not_be_taken_back(shop: Shop) -> None:
    winner = await shop.add_provider()
    job = await shop.open_job(material_g=100)
    await shop.give_job_to(job, provider_id=winner, started=True)
    await shop.sql("UPDATE productions SET state = 'in_production'")

    answer = await withdraw(shop, job)

    assert answer == JobWithdrawal(job_id=job.job_id, withdrawn=False, state=JobState.IN_PRODUCTION)
    assert await shop.stock(winner) == (900, 100)
    assert await shop.signals(f"job/{job.job_id}") == []


async def test_the_production_lock_decides_between_started_and_taken_back(shop: Shop) -> None:
    winner = await shop.add_provider()
    job = await shop.open_job()
    await shop.give_job_to(job, provider_id=winner)

    async with shop.owner.begin() as session:
        await session.execute(text("SELECT 1 FROM productions FOR NO KEY UPDATE"))
        taking_back = asyncio.create_task(withdraw(shop, job))
        await until(lambda: somebody_waits_for_a_lock(shop))
        await session.execute(text("UPDATE productions SET state = 'in_production', started_at = now()"))

    assert (await taking_back).withdrawn is False


async def somebody_waits_for_a_lock(shop: Shop) -> bool:
    """Another transaction stands behind ours."""
    waiting: int = await shop.value("SELECT count(*) FROM pg_locks WHERE NOT granted")
    return waiting > 0


@pytest.mark.parametrize("state", ["approved", "closed"])
async def test_an_approved_job_stays(shop: Shop, state: str) -> None:
    job = await shop.open_job()
    await shop.sql("UPDATE jobs SET state = :state", state=state)

    assert (await withdraw(shop, job)).withdrawn is False


async def test_a_new_round_excludes_who_had_the_job_and_releases_her_material(shop: Shop) -> None:
    late, other = await shop.add_provider(score=90), await shop.add_provider(score=80)
    job = await shop.open_job(material_g=100)
    await shop.give_job_to(job, provider_id=late)

    begun = await begin_round(shop, job, 2)

    assert begun.round == 2
    assert begun.wave is not None
    assert [offer.provider_id for offer in begun.wave.offers] == [other]
    assert begun.wave.offers[0].offer_id not in {offer.offer_id for offer in job.wave.offers}
    assert await shop.stock(late) == (1000, 0)
    assert (await shop.events(job.order_id))[-2:] == ["job.redispatched", "job.offered"]
    ((state, number, provider),) = await shop.sql("SELECT state, round, provider_id FROM jobs")
    assert (state, number, provider) == ("offered", 2, None)

    shop.clock.advance(minutes=1)
    assert await begin_round(shop, job, 2) == begun
    assert (await shop.events(job.order_id)).count("job.redispatched") == 1


async def test_a_started_job_keeps_its_provider_unless_support_insists(shop: Shop) -> None:
    provider = await shop.add_provider()
    job = await shop.open_job(material_g=100)
    await shop.give_job_to(job, provider_id=provider, started=True)

    kept = await begin_round(shop, job, 2)
    assert kept == RoundBegun(job_id=job.job_id, round=2, wave=None)
    assert await shop.stock(provider) == (900, 100)

    taken = await begin_round(shop, job, 2, only_if_not_started=False)
    assert taken.wave is not None
    assert taken.wave.offers == []
    assert await shop.stock(provider) == (1000, 0)


async def test_a_job_taken_back_does_not_begin_another_round(shop: Shop) -> None:
    await shop.add_provider()
    job = await shop.open_job()
    await withdraw(shop, job)

    assert (await begin_round(shop, job, 2)).wave is None
    assert (await shop.next_wave(job, Stage.WAVE, 2)).offers == []


@pytest.mark.parametrize(
    ("state", "outcome", "event"),
    [
        (JobState.DECLINED_BY_ALL, "declined_by_all", "job.declined_by_all"),
        (JobState.FAILED, "payment_lost", "job.cancelled"),
    ],
)
async def test_closing_a_job_nobody_made_tells_the_order_every_time_and_is_written_once(
    shop: Shop, state: JobState, outcome: str, event: str
) -> None:
    provider = await shop.add_provider()
    job = await shop.open_job(material_g=100)
    await shop.give_job_to(job, provider_id=provider)
    await shop.run_order_workflow(job.order_id)
    request = CloseJob(job_id=job.job_id, order_id=job.order_id, state=state, reason="why")

    await shop.jobs.close_job(request)
    await shop.jobs.close_job(request)

    assert (
        await shop.signals(f"order/{job.order_id}")
        == [("job_closed", {"job_id": job.job_id, "outcome": outcome, "reason": "why"})] * 2
    )
    assert (await shop.events(job.order_id)).count(event) == 1
    assert await shop.stock(provider) == (1000, 0)
    assert await shop.value("SELECT state FROM jobs") == state


async def test_an_order_workflow_that_has_ended_needs_no_news(shop: Shop) -> None:
    job = await shop.open_job()

    await shop.jobs.close_job(
        CloseJob(job_id=job.job_id, order_id=job.order_id, state=JobState.DECLINED_BY_ALL, reason="nobody")
    )

    assert await shop.value("SELECT state FROM jobs") == "declined_by_all"


async def test_an_unknown_job_parks_instead_of_being_retried_for_ever(shop: Shop) -> None:
    with pytest.raises(ApplicationError) as refusal:
        await shop.jobs.close_job(
            CloseJob(job_id="job_" + "0" * 32, order_id="ord_" + "0" * 32, state=JobState.FAILED, reason="who knows")
        )
    assert (refusal.value.type, refusal.value.non_retryable) == ("row_missing", True)
