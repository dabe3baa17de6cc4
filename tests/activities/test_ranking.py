"""Who is asked for a job, in which order and why."""

import time
from datetime import timedelta

import pytest

from fulfil.activities.locking import hold_job
from fulfil.activities.ranking import Candidate, rank_candidates, refusal_of_provider
from fulfil.models.messages.jobs import StartJob
from tests.activities.shop import Shop


async def candidates(shop: Shop, job: StartJob, *, on_board: bool = False, limit: int | None = None) -> list[Candidate]:
    """The ranking of a job as it stands."""
    async with shop.worker.begin() as session:
        held = await hold_job(session, job.job_id)
        return await rank_candidates(session, held.job, held.line, job.policies, on_board=on_board, limit=limit)


async def ranked(shop: Shop, job: StartJob, *, on_board: bool = False) -> list[str]:
    """The ids, best first."""
    return [candidate.provider_id for candidate in await candidates(shop, job, on_board=on_board)]


async def test_the_best_score_is_asked_first_then_the_least_loaded(shop: Shop) -> None:
    job = await shop.open_job()
    busy, idle, best = [await shop.add_provider(score=score) for score in (60, 60, 90)]
    await keep_busy(shop, busy)

    assert await ranked(shop, job) == [best, idle, busy]


@pytest.mark.parametrize(
    ("why", "traits"),
    [
        ("is offline", {"online": False}),
        ("can't do the process", {"capabilities": {"sla": ["pla"]}}),
        ("can't do the material", {"capabilities": {"fdm": ["petg"]}}),
        ("lacks one gram", {"stock_g": 99}),
        ("stocks another material", {"material": "petg"}),
        ("has no room", {"capacity_jobs": 0}),
    ],
)
async def test_nobody_is_asked_who(shop: Shop, why: str, traits: dict[str, object]) -> None:
    job = await shop.open_job(material_g=100)
    await shop.add_provider(**traits)  # type: ignore[arg-type]

    assert await ranked(shop, job) == [], why


@pytest.mark.parametrize("status", ["restricted", "unsupported", "rejected", "closed"])
async def test_whoever_cannot_be_paid_is_not_asked_and_does_not_get_the_job(shop: Shop, status: str) -> None:
    job = await shop.open_job()
    provider = await shop.add_provider()
    await shop.sql("UPDATE providers SET payouts_status = :status", status=status)

    assert await ranked(shop, job) == []
    async with shop.worker.begin() as session:
        held = await hold_job(session, job.job_id)
        refusal = await refusal_of_provider(session, provider, held.job, held.line, job.policies)
    assert refusal is not None
    assert refusal[0] == "payouts_restricted"
    assert "complete your payout account" in refusal[1]


@pytest.mark.parametrize("status", [None, "pending", "active"])
async def test_whoever_is_paid_or_will_be_is_asked(shop: Shop, status: str | None) -> None:
    job = await shop.open_job()
    provider = await shop.add_provider()
    await shop.sql("UPDATE providers SET payouts_status = :status", status=status)

    assert await ranked(shop, job) == [provider]
    async with shop.worker.begin() as session:
        held = await hold_job(session, job.job_id)
        assert await refusal_of_provider(session, provider, held.job, held.line, job.policies) is None


async def test_exactly_enough_stock_is_enough(shop: Shop) -> None:
    job = await shop.open_job(material_g=100)
    provider = await shop.add_provider(stock_g=100)

    assert await ranked(shop, job) == [provider]


async def test_a_full_provider_is_not_asked(shop: Shop) -> None:
    job = await shop.open_job()
    provider = await shop.add_provider(capacity_jobs=2)
    await keep_busy(shop, provider)
    assert await ranked(shop, job) == [provider]

    await keep_busy(shop, provider)
    assert await ranked(shop, job) == []


async def test_a_newcomer_gets_one_job_at_a_time_within_the_limit(shop: Shop) -> None:
    limit = shop.policies.newcomer_limit_minor
    within, beyond = await shop.open_job(total_minor=limit), await shop.open_job(total_minor=limit + 1)
    newcomer = await shop.add_provider(completed_jobs=shop.policies.newcomer_jobs - 1)
    assert await ranked(shop, within) == [newcomer]
    assert await ranked(shop, beyond) == []

    await keep_busy(shop, newcomer)
    assert await ranked(shop, within) == []


async def test_after_the_first_jobs_the_limits_are_gone(shop: Shop) -> None:
    job = await shop.open_job(total_minor=shop.policies.newcomer_limit_minor + 1)
    provider = await shop.add_provider(completed_jobs=shop.policies.newcomer_jobs)
    await keep_busy(shop, provider)

    assert await ranked(shop, job) == [provider]


async def test_whoever_was_asked_in_this_round_is_not_asked_again_but_the_board_is_open_to_the_expired(
    shop: Shop,
) -> None:
    asked, declined = await shop.add_provider(score=90), await shop.add_provider(score=80)
    job = await shop.open_job()
    fresh = await shop.add_provider(score=10)
    await shop.sql("UPDATE offers SET state = 'expired' WHERE provider_id = :id", id=asked)
    await shop.sql("UPDATE offers SET state = 'declined' WHERE provider_id = :id", id=declined)

    assert await ranked(shop, job) == [fresh]
    assert await ranked(shop, job, on_board=True) == [asked, fresh]


async def test_a_new_round_asks_everybody_but_who_declined_or_lost_the_job(shop: Shop) -> None:
    expired, declined, removed = [await shop.add_provider(score=score) for score in (90, 80, 70)]
    job = await shop.open_job()
    for provider, state in ((expired, "expired"), (declined, "declined"), (removed, "withdrawn")):
        await shop.sql("UPDATE offers SET state = :state WHERE provider_id = :id", state=state, id=provider)
    await shop.sql("UPDATE offers SET accepted_at = now() WHERE provider_id = :id", id=removed)
    await shop.sql("UPDATE jobs SET round = 2")

    assert await ranked(shop, job) == [expired]
    assert await ranked(shop, job, on_board=True) == [expired]


async def test_the_reasons_say_why_in_short_sentences(shop: Shop) -> None:
    job = await shop.open_job(material_g=100)
    await shop.add_provider(stock_g=500, score=87, completed_jobs=1)

    (candidate,) = await candidates(shop, job)

    assert candidate.reasons == [
        "Can make fdm in pla.",
        "Has 500 g in stock, 100 g are needed.",
        "Score 87.",
        "0 of 10 jobs in hand.",
        "Newcomer: one job at a time, up to 5000.00 EUR.",
    ]


async def test_a_newcomer_who_is_accepting_is_held_to_the_same_limits(shop: Shop) -> None:
    newcomer, full = await shop.add_provider(completed_jobs=0), await shop.add_provider(capacity_jobs=0)
    cheap = await shop.open_job()
    dear = await shop.open_job(total_minor=shop.policies.newcomer_limit_minor + 1)

    async def refusal(job: StartJob, provider: str) -> str | None:
        async with shop.worker.begin() as session:
            held = await hold_job(session, job.job_id)
            answer = await refusal_of_provider(session, provider, held.job, held.line, job.policies)
            return answer[0] if answer else None

    assert await refusal(cheap, newcomer) is None
    assert await refusal(dear, newcomer) == "newcomer_limit"
    assert await refusal(cheap, full) == "provider_full"
    assert await refusal(cheap, "prv_unknown") == "provider_unknown"
    await keep_busy(shop, newcomer)
    assert await refusal(cheap, newcomer) == "newcomer_limit"


async def test_ranking_500_providers_is_quick(shop: Shop) -> None:
    job = await shop.open_job()
    await shop.sql(
        "INSERT INTO providers (id, name, capabilities, commission_bp, score, completed_jobs, created_at) "
        """SELECT 'prv_' || n, 'Maker', '{"fdm": ["pla"]}', 1500, n % 100, 10, now() """
        "FROM generate_series(1, 500) AS n"
    )
    await shop.sql("INSERT INTO stock SELECT id, 'pla', 1000, 0 FROM providers")
    await candidates(shop, job, on_board=True)

    begun = time.perf_counter()
    everybody = await candidates(shop, job, on_board=True)
    elapsed = timedelta(seconds=time.perf_counter() - begun)

    assert len(everybody) == 500
    assert elapsed < timedelta(milliseconds=250)


async def keep_busy(shop: Shop, provider_id: str) -> None:
    """Give a provider one more open job."""
    other = await shop.add_order()
    await shop.sql(
        "INSERT INTO jobs (id, order_id, line_id, state, round, provider_id, opened_at) "
        "VALUES (:id, :order, :line, 'accepted', 1, :provider, now())",
        id=other.line_id.replace("lin_", "job_"),
        order=other.order_id,
        line=other.line_id,
        provider=provider_id,
    )
