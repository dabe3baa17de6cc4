"""An agreed plan put into force: sums are kept to the cent, what is paid or in review stays as it was."""

import pytest

from fulfil.kit.database import Database
from fulfil.models.ids import new_id
from fulfil.models.messages.refunds import RefundAllocation, RefundPlan, RefundReason, RefundState
from fulfil.models.tables.payments import RefundRow
from tests.activities.shop import Shop
from tests.activities.studio import Commission, Studio


@pytest.fixture
def studio(shop: Shop, api_database: Database) -> Studio:
    """A studio without orders."""
    return Studio(shop, api_database)


async def refund(studio: Studio, made: Commission, which: int, amount_minor: int) -> None:
    """A refund of some of a milestone's money, asked for and not yet sent."""
    taken = RefundAllocation(
        line_id=made.line_id,
        held_minor=amount_minor,
        released_minor=0,
        provider_share_minor=0,
        commission_minor=0,
        commission_tax_minor=0,
        job_id=made.jobs[which],
    )
    plan = RefundPlan(order_id=made.order_id, amount_minor=amount_minor, allocations=(taken,))
    at = studio.shop.clock()
    async with studio.shop.owner.begin() as session:
        session.add(
            RefundRow(
                id=new_id("ref"),
                order_id=made.order_id,
                amount_minor=amount_minor,
                currency="eur",
                state=RefundState.REQUESTED,
                reason=RefundReason.QUALITY,
                note="",
                plan=plan.model_dump(mode="json"),
                requested_by={"kind": "support", "id": "acc"},
                requested_at=at,
                updated_at=at,
            )
        )


async def test_a_plan_keeps_drops_and_adds_and_the_sum_stays(studio: Studio) -> None:
    made = await studio.commission(10_001)
    await studio.submit(made)
    await studio.approve(made)
    request = await studio.agree(made, [(1, 2000), (None, 3000), (None, 2000)])
    applied = await studio.activities.apply_plan(request)
    assert applied.applied
    assert applied.dropped == (made.milestones[2],)
    assert len(applied.milestones) == 3
    assert applied.milestones[0].milestone_id == made.milestones[1]
    rows = await studio.milestones(made)
    assert rows == [
        *((1, "completed", 3_000), (2, "pending", 2_000), (3, "cancelled", 0)),
        *((3, "pending", 3_001), (4, "pending", 2_000)),
    ]
    assert sum(amount for *_, amount in rows) == 10_001
    assert await studio.shop.value("SELECT sum(share_bp) FROM milestones") == 10_000
    jobs = await studio.shop.sql(
        "SELECT state, provider_id FROM jobs WHERE order_id = :id AND milestone_id <> ALL(:old)",
        id=made.order_id,
        old=list(made.milestones),
    )
    assert [tuple(job) for job in jobs] == [("accepted", made.provider.owner_id)] * 2
    assert (await studio.shop.events(made.order_id))[-2:] == ["milestone.called_off", "plan.applied"]


async def test_a_plan_is_applied_once_whatever_happened_since(studio: Studio) -> None:
    made = await studio.commission()
    request = await studio.agree(made, [(0, 6000), (None, 4000)])
    first = await studio.activities.apply_plan(request)
    await studio.submit(made)
    assert await studio.activities.apply_plan(request) == first
    assert [row[:2] for row in await studio.milestones(made)] == [
        *((1, "in_progress"), (2, "cancelled"), (2, "pending"), (3, "cancelled")),
    ]


async def test_a_plan_that_no_longer_fits_what_is_open_changes_nothing(studio: Studio) -> None:
    made = await studio.commission()
    request = await studio.agree(made, [(0, 5000), (1, 5000)])
    await studio.submit(made)
    before = await studio.milestones(made)
    declined = await studio.activities.apply_plan(request)
    assert not declined.applied
    assert await studio.activities.apply_plan(request) == declined
    assert await studio.milestones(made) == before
    assert (await studio.shop.events(made.order_id))[-1] == "plan.declined"
    state = await studio.shop.value("SELECT state FROM plan_proposals WHERE id = :id", id=request.proposal_id)
    assert state == "declined"


@pytest.mark.parametrize(
    ("plan", "applied"),
    [
        ([(0, 3000), (1, 7000)], False),  # the refunded one would be dropped
        ([(0, 3000), (1, 6500), (2, 500)], False),  # and here it would be worth less than was refunded
        ([(0, 3000), (1, 6000), (2, 1000)], True),
    ],
)
async def test_what_was_refunded_of_a_milestone_stays_with_it(
    studio: Studio, plan: list[tuple[int | None, int]], applied: bool
) -> None:
    made = await studio.commission()
    await refund(studio, made, 2, 1_000)
    answer = await studio.activities.apply_plan(await studio.agree(made, plan))
    assert answer.applied is applied
    assert sum(amount for *_, amount in await studio.milestones(made)) == 10_000


async def test_rejected_and_delayed_milestones_begin_anew_by_the_plan(studio: Studio) -> None:
    made = await studio.commission()
    await studio.submit(made)
    await studio.reject(made)
    rejected_at = studio.shop.clock()
    await studio.activities.mark_delayed(studio.missed(made, studio.shop.clock().replace(year=2031), 1))
    await studio.activities.apply_plan(await studio.agree(made, [(0, 3000), (1, 3000), (2, 4000)]))
    assert [state for _, state, _ in await studio.milestones(made)] == ["in_progress", "pending", "pending"]
    assert not (await studio.activities.call_off_rejected(studio.not_again(made, rejected_at))).called_off


async def test_no_plan_is_put_into_force_after_a_withdrawal(studio: Studio) -> None:
    made = await studio.commission()
    request = await studio.agree(made, [(0, 10_000)])
    await studio.activities.withdraw_deliverable(studio.withdrawal(made))
    answer = await studio.activities.apply_plan(request)
    assert (answer.applied, answer.milestones) == (False, ())
