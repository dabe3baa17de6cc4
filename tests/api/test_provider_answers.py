"""Scores and figures: every count from rows that happened, the old ones left out."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from fulfil.kit.clock import utc_now
from fulfil.models.ids import new_id
from fulfil.models.messages.events import EventType
from fulfil.models.messages.jobs import JobState, OfferState
from fulfil.models.messages.parties import SYSTEM
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.deliverables import FeedbackRow, MilestoneRow
from fulfil.models.tables.jobs import JobRow, OfferRow, ProductionRow
from fulfil.models.tables.payments import ChargebackRow, RefundRow
from fulfil.models.tables.shipments import QualityCheckRow
from fulfil.models.tables.timeline import append_event
from tests.api.deliveries import add_delivery
from tests.api.running import Api
from tests.api.world import Person, Sale, World

NOTHING = {
    **dict.fromkeys(("promised", "kept", "asked", "in_time", "checks", "first_passed"), 0),
    **dict.fromkeys(("feedbacks", "star_points", "completed", "lost", "refunded", "charged_back"), 0),
    **dict.fromkeys(("median_answer_s", "p90_answer_s")),
}


class Month:
    """A provider's last days, written as rows."""

    def __init__(self, world: World, customer: Person, provider: Person) -> None:
        self.world, self.customer, self.provider = world, customer, provider
        self.now = utc_now()

    def ago(self, days: float) -> datetime:
        return self.now - timedelta(days=days)

    async def make(
        self,
        days: float,
        *,
        answered_s: int = 60,
        late: bool = False,
        state: JobState = JobState.CLOSED,
        shipped: bool = True,
    ) -> Sale:
        """A job accepted so many days ago, promised for a day later; 12.99 EUR of it were released."""
        sale = await self.world.sale(
            self.customer,
            self.provider,
            job=JobState.ACCEPTED,
            offer=OfferState.ACCEPTED,
            production=JobState.SHIPPED,
        )
        due_at, closed = self.ago(days - 1), state is JobState.CLOSED
        shipped_at = due_at + timedelta(hours=1 if late else -1) if shipped else None
        await self.set(
            OfferRow,
            OfferRow.id == sale.offer_id,
            offered_at=self.ago(days),
            accepted_at=self.ago(days) + timedelta(seconds=answered_s),
            expires_at=self.ago(days) + timedelta(seconds=90),
        )
        await self.set(
            ProductionRow,
            ProductionRow.job_id == sale.job_id,
            due_at=due_at,
            shipped_at=shipped_at,
            closed_at=shipped_at if closed else None,
        )
        if closed:
            await self.set(
                JobRow,
                JobRow.id == sale.job_id,
                state=state,
                approved_at=shipped_at,
                closed_at=shipped_at,
                released_minor=1299,
                payout_minor=1104,
                commission_minor=195,
            )
        return sale

    async def ask(self, state: OfferState, *, answered_s: int | None = None) -> None:
        """An offer two days ago that others got, nobody took, or she declined."""
        sale = await self.world.sale(self.customer, self.provider, offer=state)
        values: dict[str, Any] = {"offered_at": self.ago(2), "expires_at": self.ago(2) + timedelta(seconds=90)}
        if answered_s is not None:
            values["closed_at"] = self.ago(2) + timedelta(seconds=answered_s)
        await self.set(OfferRow, OfferRow.id == sale.offer_id, **values)

    async def lose(self, *, round_now: int, overdue: bool = False) -> None:
        """An accepted job that was taken from her: for others (`round_now` 2), or because it was cancelled."""
        sale = await self.make(2, state=JobState.ACCEPTED, shipped=False)
        closed = self.ago(0.5 if overdue else 1.5)
        await self.set(OfferRow, OfferRow.id == sale.offer_id, state=OfferState.WITHDRAWN, closed_at=closed)
        await self.set(ProductionRow, ProductionRow.job_id == sale.job_id, closed_at=closed)
        await self.set(
            JobRow, JobRow.id == sale.job_id, state=JobState.OFFERED, round=round_now, provider_id=None, offer_id=None
        )

    async def check(self, sale: Sale, passed: list[bool]) -> None:
        """The quality checks of a job, in their order."""
        for number, each in enumerate(passed, start=1):
            await self.world.add(
                QualityCheckRow(
                    id=new_id("qch"),
                    job_id=sale.job_id,
                    offer_id=sale.offer_id,
                    number=number,
                    passed=each,
                    criteria=[],
                    checked_by="Grace",
                    checked_at=self.ago(1),
                )
            )

    async def refund(self, sale: Sale, reason: str) -> None:
        """Money back for its line."""
        await self.world.add(
            RefundRow(
                id=new_id("ref"),
                order_id=sale.order_id,
                amount_minor=100,
                currency="eur",
                state="succeeded",
                reason=reason,
                note="",
                plan={"allocations": [{"line_id": sale.line_id, "held_minor": 100}]},
                requested_by={},
                requested_at=self.ago(1),
                updated_at=self.ago(1),
            )
        )

    async def charge_back(self, sale: Sale, reason: str) -> None:
        """The card network took the money."""
        await self.world.add(
            ChargebackRow(
                id=new_id("chb"),
                order_id=sale.order_id,
                stripe_dispute_id=new_id("dp"),
                state="lost",
                stripe_status="lost",
                reason=reason,
                amount_minor=1299,
                currency="eur",
                is_inquiry=False,
                evidence={},
                opened_at=self.ago(5),
                closed_at=self.ago(1),
                updated_at=self.ago(1),
            )
        )

    async def miss(self, sale: Sale) -> None:
        """Its date was missed; the customer waited for another one."""
        async with self.world.begin() as session:
            await append_event(
                session,
                order_id=sale.order_id,
                business_key=f"{sale.job_id}:deadline_missed:1",
                kind=EventType.JOB_DEADLINE_MISSED,
                at=self.ago(2.5),
                actor=SYSTEM,
                subject=sale.job_id,
                data={},
            )

    async def set(self, table: type[Any], where: Any, **values: Any) -> None:
        async with self.world.begin() as session:
            await session.execute(update(table).where(where).values(**values))


@pytest.fixture
def month(world: World, customer: Person, provider: Person) -> Month:
    return Month(world, customer, provider)


async def inputs_of(api: Api, provider: Person) -> dict[str, Any]:
    answer = await api.get(f"/providers/{provider.party_id}/score", provider)
    inputs: dict[str, Any] = answer.json()["inputs"]
    return inputs


async def test_a_newcomer_has_fifty_and_nothing_to_show(api: Api, provider: Person) -> None:
    score = (await api.get(f"/providers/{provider.party_id}/score", provider)).json()
    figures = (await api.get(f"/providers/{provider.party_id}/statistics", provider)).json()

    assert (score["score"], score["version"], score["days"], score["stored_at"]) == (50, "score-1", 30, None)
    assert score["inputs"] == NOTHING
    assert [part["weight"] for part in score["parts"]] == [35, 20, 25, 20]
    assert {figures[name] for name in ("completion_rate", "on_time_rate", "first_pass_rate", "stars")} == {None}
    assert (figures["earnings"], figures["jobs_by_state"]) == ([], {})


async def test_dates_are_kept_late_missed_or_not_due_yet(api: Api, month: Month, provider: Person) -> None:
    await month.make(3)
    await month.make(3, late=True)
    await month.miss(await month.make(3))
    await month.make(2, state=JobState.ACCEPTED, shipped=False)
    await month.make(0.5, state=JobState.ACCEPTED, shipped=False)
    await month.make(40)
    await month.lose(round_now=2)

    assert {name: (await inputs_of(api, provider))[name] for name in ("promised", "kept")} == {"promised": 4, "kept": 1}


async def test_answers_count_where_she_could_give_one(api: Api, month: Month, provider: Person) -> None:
    await month.make(3, answered_s=20)
    await month.ask(OfferState.DECLINED, answered_s=40)
    await month.ask(OfferState.DECLINED, answered_s=600)
    await month.ask(OfferState.EXPIRED)
    await month.ask(OfferState.LOST)
    await month.ask(OfferState.OPEN)

    counted = await inputs_of(api, provider)
    assert (counted["asked"], counted["in_time"]) == (4, 2)
    assert (counted["median_answer_s"], counted["p90_answer_s"]) == (40, 488)


async def test_quality_and_claims_are_counted_by_job(
    api: Api, world: World, month: Month, customer: Person, provider: Person
) -> None:
    good, bad = await month.make(3), await month.make(3)
    await month.check(good, [True])
    await month.check(bad, [False, True])
    for reason in ("quality", "late", "goodwill"):
        await month.refund(bad, reason)
    await month.charge_back(good, "product_unacceptable")
    await month.charge_back(bad, "fraudulent")
    await month.lose(round_now=2)
    await month.lose(round_now=1, overdue=True)
    await month.lose(round_now=1)
    service = await add_delivery(api, world, customer, provider)
    await month.set(MilestoneRow, MilestoneRow.id == service.milestone_ids[0], submitted_at=month.ago(1))
    await world.add(
        FeedbackRow(
            deliverable_id=service.deliverable_id,
            provider_id=provider.owner_id,
            quality=5,
            communication=4,
            timeliness=3,
            comment="",
            created_at=month.ago(1),
        )
    )

    counted = await inputs_of(api, provider)
    assert (counted["checks"], counted["first_passed"]) == (2, 1)
    assert (counted["feedbacks"], counted["star_points"]) == (1, 12)
    assert (counted["completed"], counted["lost"]) == (2, 2)
    assert (counted["refunded"], counted["charged_back"]) == (1, 1)
    # The overdue one was promised and not kept; the milestone was.
    assert (counted["promised"], counted["kept"]) == (4, 3)


async def test_figures_show_rates_earnings_and_where_jobs_stand(
    api: Api, month: Month, provider: Person, rival: Person, admin: Person
) -> None:
    await month.make(3)
    await month.make(3, late=True)
    await month.make(0.5, state=JobState.ACCEPTED, shipped=False)
    await month.lose(round_now=2)
    await month.make(40)
    path = f"/providers/{provider.party_id}/statistics"
    figures = (await api.get(path, provider)).json()
    longer = (await api.get(path, admin, params={"days": 60})).json()
    wrong = await api.get(path, provider, params={"days": 0})

    assert (figures["completed"], figures["lost"], figures["completion_rate"]) == (2, 1, 0.667)
    assert (figures["on_time_rate"], figures["response_median_s"]) == (0.5, 60)
    assert figures["earnings"] == [
        {
            "jobs": 2,
            "revenue": {"amount_minor": 2598, "currency": "eur"},
            "payout": {"amount_minor": 2208, "currency": "eur"},
            "commission": {"amount_minor": 390, "currency": "eur"},
        }
    ]
    assert figures["jobs_by_state"] == {"shipped": 1, "closed": 2}
    assert (longer["completed"], longer["jobs_by_state"]) == (3, {"shipped": 1, "closed": 3})
    assert (wrong.status_code, wrong.json()["param"]) == (422, "days")
    assert (await api.get(f"/providers/{rival.party_id}/statistics", rival)).json()["completed"] == 0


async def test_providers_stand_side_by_side_the_best_first(
    api: Api, world: World, month: Month, provider: Person, rival: Person, admin: Person
) -> None:
    await month.make(3)
    async with world.begin() as session:
        await session.execute(update(ProviderRow).where(ProviderRow.id == rival.party_id).values(score=80))
    ranking = (await api.get("/providers/statistics", admin)).json()
    best = (await api.get("/providers/statistics", admin, params={"limit": 1, "days": 7})).json()

    assert [(each["provider_id"], each["score"], each["completed"]) for each in ranking["data"]] == [
        (rival.party_id, 80, 0),
        (provider.party_id, 50, 1),
    ]
    assert (len(best["data"]), best["days"]) == (1, 7)
