"""Who is asked for a job, in which order and why."""

import time
from datetime import datetime, timedelta

import pytest

from fulfil.activities.locking import hold_job
from fulfil.activities.ranking import Candidate, best_of, decide_wave, refusal_of_provider
from fulfil.models.ids import new_id
from fulfil.models.messages.jobs import Stage, StartJob
from fulfil.models.tables.jobs import OfferRow
from fulfil.ranking.deciding import Decision, rank, read_provider, read_work
from fulfil.ranking.facts import Closure, Lot, Machine, Place, ProviderFacts
from fulfil.ranking.rankings import DEFAULT
from fulfil.ranking.standing import CertificateFact, ProviderStanding
from tests.activities.shop import Shop


async def candidates(shop: Shop, job: StartJob, *, on_board: bool = False) -> list[Candidate]:
    """The ranking of a job as it stands."""
    return best_of(await decision(shop, job, on_board=on_board), None)


async def decision(shop: Shop, job: StartJob, *, on_board: bool = False) -> Decision:
    """The decision a wave would be taken by."""
    async with shop.worker.begin() as session:
        held = await hold_job(session, job.job_id)
        return await decide_wave(
            session, held.job, held.line, job.policies, shop.clock(), ranking=DEFAULT, on_board=on_board
        )


async def refusal(shop: Shop, job: StartJob, provider: str, stage: Stage = Stage.WAVE) -> str | None:
    """Why she could not accept an offer of the job now."""
    offer = OfferRow(provider_id=provider, stage=stage)
    async with shop.worker.begin() as session:
        held = await hold_job(session, job.job_id)
        found = await refusal_of_provider(session, offer, held.job, held.line, job.policies, shop.clock())
    return found.code if found else None


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
    assert await refusal(shop, job, provider) == "payouts_restricted"


@pytest.mark.parametrize("status", [None, "pending", "active"])
async def test_whoever_is_paid_or_will_be_is_asked(shop: Shop, status: str | None) -> None:
    job = await shop.open_job()
    provider = await shop.add_provider()
    await shop.sql("UPDATE providers SET payouts_status = :status", status=status)

    assert await ranked(shop, job) == [provider]
    assert await refusal(shop, job, provider) is None


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
        "Score 87.",
        "Has not answered offers lately.",
        "0 of 10 jobs in hand. Newcomer: one job at a time, up to 5000.00 EUR.",
        "Can make fdm in pla.",
        "Has 500 g in stock, 100 g are needed.",
        "The distance is not known.",
    ]


async def test_a_newcomer_who_is_accepting_is_held_to_the_same_limits(shop: Shop) -> None:
    newcomer, full = await shop.add_provider(completed_jobs=0), await shop.add_provider(capacity_jobs=0)
    cheap = await shop.open_job()
    dear = await shop.open_job(total_minor=shop.policies.newcomer_limit_minor + 1)

    assert await refusal(shop, cheap, newcomer) is None
    assert await refusal(shop, dear, newcomer) == "newcomer_limit"
    assert await refusal(shop, cheap, full) == "provider_full"
    assert await refusal(shop, cheap, "prv_unknown") == "provider_unknown"
    await keep_busy(shop, newcomer)
    assert await refusal(shop, cheap, newcomer) == "newcomer_limit"
    assert await refusal(shop, cheap, newcomer, stage=Stage.OPERATOR) is None


@pytest.mark.parametrize(
    ("column", "code"),
    [
        ("suspended_at = now()", "provider_suspended"),
        ("verification = 'rejected'", "provider_rejected"),
        ("online = false", None),
    ],
)
async def test_at_acceptance_standing_is_looked_at_again_but_going_offline_takes_nothing_away(
    shop: Shop, column: str, code: str | None
) -> None:
    job = await shop.open_job()
    provider = await shop.add_provider()
    await shop.sql(f"UPDATE providers SET {column}")

    assert await ranked(shop, job) == []
    assert await refusal(shop, job, provider) == code


async def test_an_expired_certificate_pauses_dispatch_by_itself(shop: Shop) -> None:
    job = await shop.open_job()
    provider = await shop.add_provider()
    await certify(shop, provider, shop.clock() + timedelta(days=1))
    assert await ranked(shop, job) == [provider]
    assert await refusal(shop, job, provider) is None

    shop.clock.advance(days=2)
    assert await ranked(shop, job) == []
    assert await refusal(shop, job, provider) == "certificate_expired"


async def test_everything_on_record_reaches_the_decision(shop: Shop) -> None:
    job = await shop.open_job(material_g=100)
    provider = await shop.add_provider(stock_g=150, completed_jobs=7)
    at = shop.clock()
    await certify(shop, provider, at + timedelta(days=300))
    await shop.sql("UPDATE order_lines SET box_mm = '[10, 200, 30]', colour = 'Red', material_sheets = 3")
    await shop.sql("UPDATE stock_items SET colour = 'red', lot = 'a', available_quantity = 50, reserved_quantity = 100")
    await shop.sql(
        "INSERT INTO stock_reservations (offer_id, item_id, job_id, quantity, expires_at, turn, created_at) "
        "SELECT name, id, 'job', 50, CAST(:at AS timestamptz) + CAST(after AS interval), 1, :at FROM stock_items, "
        "(VALUES ('lapsed', '-1 s'), ('running', '1 s')) AS leases (name, after)",
        at=at,
    )
    await shop.sql(
        "INSERT INTO provider_machines (id, provider_id, name, process, materials, volume_mm, created_at) VALUES "
        """('mac_1', :id, 'One', 'fdm', '["pla"]', '[100, 300, 200]', now()), """
        """('mac_2', :id, 'Two', 'sla', '["pla"]', '[1, 1, 1]', now())""",
        id=provider,
    )
    await shop.sql(
        "INSERT INTO provider_closures (id, provider_id, starts_at, ends_at, reason, created_at) "
        "SELECT 'clo_1', :id, at + interval '1 day', at + interval '2 days', 'move', now() "
        "FROM (SELECT CAST(:at AS timestamptz) AS at) AS moment",
        id=provider,
        at=at,
    )
    await shop.sql(
        "INSERT INTO provider_scores (provider_id, score, version, inputs, computed_at) "
        """VALUES (:id, 50, '1', '{"median_answer_s": 40}', now())""",
        id=provider,
    )
    hours = '{"tue": ["09:00", "17:30"]}'
    await shop.sql(
        "UPDATE providers SET latitude = 48, longitude = 11, time_zone = 'Europe/Berlin', working_hours = :hours",
        hours=hours,
    )
    await shop.sql(
        "INSERT INTO order_addresses (order_id, name, address_lines, postal_code, city, country, latitude, longitude, "
        "created_at) VALUES (:id, 'Ada', '[]', '1', 'Berlin', 'DE', 52, 13, now())",
        id=job.order_id,
    )

    taken = await decision(shop, job)

    assert (taken.work.box_mm, taken.work.colour, taken.work.sheets) == ((200, 30, 10), "red", 3)
    assert taken.work.place == Place(52, 13)
    (one,) = taken.ranked
    assert one.provider == ProviderFacts(
        id=provider,
        standing=ProviderStanding(
            "verified",
            online=True,
            certificates=(CertificateFact("iso", "verified", required=True, expires_at=at + timedelta(days=300)),),
        ),
        score=50,
        completed_jobs=7,
        open_jobs=0,
        capacity_jobs=10,
        materials=("pla", "petg"),
        answer_s=40,
        lots=(Lot("red", "g", 100),),
        machines=(Machine((300, 200, 100), ("pla",)),),
        time_zone="Europe/Berlin",
        hours=(None, (540, 1050), *[None] * 5),
        closures=(Closure(at + timedelta(days=1), at + timedelta(days=2)),),
        place=Place(48, 11),
    )


async def test_a_wave_keeps_its_decision_with_who_was_left_out_and_why(shop: Shop) -> None:
    able, small, offline = [await shop.add_provider(score=score) for score in (90, 80, 70)]
    await shop.sql("UPDATE stock_items SET available_quantity = 1 WHERE provider_id = :id", id=small)
    await shop.sql("UPDATE providers SET online = false WHERE id = :id", id=offline)

    job = await shop.open_job(material_g=100)

    ((kept,),) = await shop.sql("SELECT to_jsonb(d) FROM dispatch_decisions d")
    assert (kept["job_id"], kept["round"], kept["wave"], kept["stage"]) == (job.job_id, 1, 1, "wave")
    assert (kept["ranking"], kept["asked"], kept["excluded_count"]) == ("balanced.1", 1, 2)
    assert [candidate["facts"]["id"] for candidate in kept["candidates"]] == [able]
    assert {out["provider_id"]: out["code"] for out in kept["excluded"]} == {
        small: "stock_short",
        offline: "provider_offline",
    }
    played = rank(read_work(kept["work"]), [read_provider(kept["candidates"][0]["facts"])], DEFAULT)
    assert played[0].points == kept["candidates"][0]["points"] == sum(kept["candidates"][0]["parts"].values())


async def certify(shop: Shop, provider_id: str, expires_at: datetime) -> None:
    """A required certificate of hers, verified."""
    file_id = new_id("fil")
    await shop.sql(
        "INSERT INTO files (id, owner_id, sha256, name, format, size_bytes, created_at) "
        "VALUES (:file, :id, repeat('0', 64), 'iso.pdf', 'pdf', 1, now())",
        file=file_id,
        id=provider_id,
    )
    await shop.sql(
        "INSERT INTO provider_certificates (id, provider_id, kind, title, file_id, required, state, expires_at, "
        "created_at) VALUES (:own, :id, 'iso', 'ISO 9001', :file, true, 'verified', :expires, now())",
        own=new_id("cer"),
        id=provider_id,
        file=file_id,
        expires=expires_at,
    )


async def test_reading_and_ranking_500_providers_is_quick(shop: Shop) -> None:
    job = await shop.open_job()
    await shop.sql(
        "INSERT INTO providers (id, name, capabilities, commission_bp, score, completed_jobs, created_at) "
        """SELECT 'prv_' || n, 'Maker', '{"fdm": ["pla"]}', 1500, n % 100, 10, now() """
        "FROM generate_series(1, 500) AS n"
    )
    await shop.sql(
        "INSERT INTO stock_items (id, provider_id, material, unit, available_quantity, reserved_quantity, created_at) "
        "SELECT 'stk_' || id, id, 'pla', 'g', 1000, 0, now() FROM providers"
    )
    taken: list[float] = []
    for _ in range(3):
        begun = time.process_time()
        assert len((await decision(shop, job)).ranked) == 500
        taken.append(time.process_time() - begun)

    assert min(taken) < 0.2


async def keep_busy(shop: Shop, provider_id: str) -> None:
    """Give a provider one more open job."""
    other = await shop.add_order()
    await shop.sql(
        "INSERT INTO jobs (id, order_id, line_id, amount_minor, state, round, provider_id, opened_at) "
        "VALUES (:id, :order, :line, 1000, 'accepted', 1, :provider, now())",
        id=other.line_id.replace("lin_", "job_"),
        order=other.order_id,
        line=other.line_id,
        provider=provider_id,
    )
