"""A studio that delivers by milestones: rows as an order leaves them, and what people do through the API's writers."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fulfil.activities.deliverables import DatabaseDeliverableActivities
from fulfil.api.access import Principal
from fulfil.api.intentions import intend
from fulfil.api.schemas.deliverables import Rejection, RevisionWish, Work
from fulfil.api.writers.deliverables import HeldDeliverable, take_in_hand
from fulfil.api.writers.milestones import write_submission
from fulfil.api.writers.reviews import write_approval, write_rejection, write_revision
from fulfil.kit.database import Database
from fulfil.models.ids import new_id
from fulfil.models.messages.deliverables import (
    ApplyPlan,
    ApproveSilently,
    CallOffRejected,
    CloseDeliverable,
    DeliverableState,
    MarkDelayed,
    MilestoneState,
    PlanState,
    ReplannedMilestone,
    WithdrawDeliverable,
)
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.orders import LineKind, OrderState
from fulfil.models.messages.parties import Actor, ActorKind, Role
from fulfil.models.messages.payments import PaymentState
from fulfil.models.milestones import split_by_share
from fulfil.models.tables.deliverables import DeliverableRow, MilestoneRow, PlanProposalRow, ServiceRow
from fulfil.models.tables.jobs import JobRow
from fulfil.models.tables.orders import OrderLineRow, OrderRow
from fulfil.models.tables.payments import PaymentRow
from tests.activities.shop import Shop

PLAN = (3000, 3000, 4000)


@dataclass(frozen=True)
class Commission:
    """One ordered service and its milestones, in their order."""

    order_id: str
    line_id: str
    deliverable_id: str
    provider: Principal
    customer: Principal
    milestones: tuple[str, ...]
    jobs: tuple[str, ...]


@dataclass
class Studio:
    """Activities with the worker's rights, people with the API's."""

    shop: Shop
    api: Database

    @property
    def activities(self) -> DatabaseDeliverableActivities:
        return DatabaseDeliverableActivities(self.shop.worker, self.shop.client, self.shop.clock)

    async def commission(
        self, amount_minor: int = 10_000, plan: Sequence[int] = PLAN, *, currency: str = "eur"
    ) -> Commission:
        """A paid order of one service, its milestones due after ten days each; an order workflow collects signals."""
        at, provider_id, customer_id = self.shop.clock(), await self.shop.add_provider(), new_id("cus")
        order_id, line_id, service_id, deliverable_id = new_id("ord"), new_id("lin"), new_id("svc"), new_id("del")
        numbers = range(len(plan))
        made = Commission(
            order_id=order_id,
            line_id=line_id,
            deliverable_id=deliverable_id,
            provider=Principal(account_id=new_id("acc"), role=Role.PROVIDER, party_id=provider_id),
            customer=Principal(account_id=new_id("acc"), role=Role.CUSTOMER, party_id=customer_id),
            milestones=tuple(new_id("mil") for _ in numbers),
            jobs=tuple(new_id("job") for _ in numbers),
        )
        amounts = split_by_share(amount_minor, plan, currency)
        money: dict[str, Any] = {"currency": currency}
        stages: list[list[Any]] = [
            [
                ServiceRow(
                    id=service_id,
                    provider_id=provider_id,
                    title="Logo",
                    description="",
                    price_minor=amount_minor,
                    milestones=[],
                    revisions_included=2,
                    checklist=[],
                    created_at=at,
                    **money,
                ),
                OrderRow(
                    id=order_id,
                    customer_id=customer_id,
                    state=OrderState.IN_FULFILMENT,
                    total_minor=amount_minor,
                    policies=self.shop.policies.model_dump(mode="json"),
                    placed_at=at,
                    **money,
                ),
            ],
            [
                PaymentRow(
                    order_id=order_id,
                    payment_intent_id=f"pi_{order_id}",
                    client_secret="secret",
                    state=PaymentState.CAPTURED,
                    amount_minor=amount_minor,
                    captured_at=at,
                    updated_at=at,
                    **money,
                ),
                OrderLineRow(
                    id=line_id,
                    order_id=order_id,
                    kind=LineKind.SERVICE,
                    service_id=service_id,
                    provider_id=provider_id,
                    title="Logo",
                    process="",
                    material="",
                    material_g=0,
                    quantity=1,
                    lead_time_days=10 * len(plan),
                    amount_minor=amount_minor,
                    **money,
                ),
            ],
            [
                DeliverableRow(
                    id=deliverable_id,
                    order_id=order_id,
                    line_id=line_id,
                    provider_id=provider_id,
                    customer_id=customer_id,
                    title="Logo",
                    state=DeliverableState.DRAFT,
                    revisions_included=2,
                    checklist=[],
                    opened_at=at,
                )
            ],
            [
                JobRow(
                    id=made.jobs[n],
                    order_id=order_id,
                    line_id=line_id,
                    milestone_id=made.milestones[n],
                    amount_minor=amounts[n],
                    state=JobState.ACCEPTED,
                    round=1,
                    provider_id=provider_id,
                    opened_at=at,
                    accepted_at=at,
                )
                for n in numbers
            ],
            [
                MilestoneRow(
                    id=made.milestones[n],
                    deliverable_id=deliverable_id,
                    job_id=made.jobs[n],
                    position=n + 1,
                    title=f"Part {n + 1}",
                    share_bp=plan[n],
                    amount_minor=amounts[n],
                    state=MilestoneState.PENDING,
                    due_at=at + timedelta(days=10 * (n + 1)),
                    **money,
                )
                for n in numbers
            ],
        ]
        for rows in stages:
            async with self.shop.owner.begin() as session:
                session.add_all(rows)
        await self.shop.run_order_workflow(order_id)
        return made

    @asynccontextmanager
    async def hand(self, who: Principal, made: Commission) -> AsyncGenerator[HeldDeliverable]:
        """What a person's command works on, in its transaction."""
        async with self.api.begin() as session:
            intention = intend(who, None, "test")
            held = await take_in_hand(session, who, made.deliverable_id, intention, self.shop.clock())
            assert held is not None
            yield held

    async def submit(self, made: Commission, which: int = 0) -> None:
        await self.submit_milestone(made, made.milestones[which])

    async def submit_milestone(self, made: Commission, milestone_id: str) -> None:
        async with self.hand(made.provider, made) as held:
            await write_submission(held, Work(milestone_id=milestone_id, note="done", file_ids=[]))

    async def approve(self, made: Commission, which: int = 0) -> None:
        async with self.hand(made.customer, made) as held:
            await write_approval(held, made.milestones[which])

    async def revise(self, made: Commission, which: int = 0) -> None:
        async with self.hand(made.customer, made) as held:
            await write_revision(held, RevisionWish(milestone_id=made.milestones[which], text="bolder"))

    async def reject(self, made: Commission, which: int = 0) -> None:
        async with self.hand(made.customer, made) as held:
            await write_rejection(held, Rejection(milestone_id=made.milestones[which], reason="not as agreed"))

    async def agree(
        self, made: Commission, plan: Sequence[tuple[int | None, int]], due_in: timedelta = timedelta(days=60)
    ) -> ApplyPlan:
        """A proposal both sides accepted, of (which milestone, share), and what puts it into force."""
        proposal_id = await self.propose(made, plan, PlanState.ACCEPTED, due_in)
        return ApplyPlan(deliverable_id=made.deliverable_id, order_id=made.order_id, proposal_id=proposal_id)

    async def propose(
        self,
        made: Commission,
        plan: Sequence[tuple[int | None, int]] = (),
        state: PlanState = PlanState.OPEN,
        due_in: timedelta = timedelta(days=60),
    ) -> str:
        """A plan as one side would have it; its id."""
        proposal_id, due_at = new_id("pln"), self.shop.clock() + due_in
        milestones = [
            ReplannedMilestone(
                milestone_id=None if which is None else made.milestones[which],
                title="Planned anew",
                due_at=due_at,
                share_bp=share_bp,
            ).model_dump(mode="json")
            for which, share_bp in plan
        ]
        async with self.shop.owner.begin() as session:
            session.add(
                PlanProposalRow(
                    id=proposal_id,
                    deliverable_id=made.deliverable_id,
                    proposed_by=Role.PROVIDER,
                    milestones=milestones,
                    note="",
                    state=state,
                    created_at=self.shop.clock(),
                )
            )
        return proposal_id

    def silence(self, made: Commission, which: int = 0) -> ApproveSilently:
        """The time to answer what was submitted now is over."""
        return ApproveSilently(
            deliverable_id=made.deliverable_id,
            order_id=made.order_id,
            milestone_id=made.milestones[which],
            review_due_at=self.shop.clock() + timedelta(seconds=self.shop.policies.review_due_s),
        )

    def missed(self, made: Commission, due_at: datetime, which: int = 0) -> MarkDelayed:
        return MarkDelayed(
            deliverable_id=made.deliverable_id,
            order_id=made.order_id,
            milestone_id=made.milestones[which],
            due_at=due_at,
        )

    def not_again(self, made: Commission, rejected_at: datetime, which: int = 0) -> CallOffRejected:
        return CallOffRejected(
            deliverable_id=made.deliverable_id,
            order_id=made.order_id,
            milestone_id=made.milestones[which],
            rejected_at=rejected_at,
        )

    def withdrawal(self, made: Commission, *, whole_order: bool = True) -> WithdrawDeliverable:
        return WithdrawDeliverable(
            deliverable_id=made.deliverable_id,
            order_id=made.order_id,
            actor=Actor(kind=ActorKind.CUSTOMER, id=made.customer.owner_id),
            reason="changed my mind",
            whole_order=whole_order,
        )

    def closing(self, made: Commission) -> CloseDeliverable:
        return CloseDeliverable(deliverable_id=made.deliverable_id, order_id=made.order_id)

    async def settled(self, made: Commission, *which: int) -> None:
        """As if these milestones' jobs had been settled."""
        for number in which:
            await self.shop.sql(
                "UPDATE jobs SET state = 'closed', closed_at = now(), released_minor = amount_minor WHERE id = :id",
                id=made.jobs[number],
            )

    async def milestones(self, made: Commission) -> list[tuple[int, str, int]]:
        """Position, state and amount of each, in their order."""
        rows = await self.shop.sql(
            "SELECT m.position, m.state, m.amount_minor FROM milestones m JOIN jobs j ON j.id = m.job_id "
            "AND j.amount_minor = m.amount_minor WHERE m.deliverable_id = :id ORDER BY m.position, m.state",
            id=made.deliverable_id,
        )
        return [(row.position, row.state, row.amount_minor) for row in rows]

    async def deliverable(self, made: Commission) -> tuple[str, bool]:
        """Its state, and whether it has ended."""
        ((state, ended),) = await self.shop.sql(
            "SELECT state, closed_at IS NOT NULL FROM deliverables WHERE id = :id", id=made.deliverable_id
        )
        return state, ended

    async def next_step(self, made: Commission) -> tuple[str, str]:
        ((who, what),) = await self.shop.sql(
            "SELECT next_who, next_what FROM timelines WHERE order_id = :id", id=made.order_id
        )
        return who, what
