"""Support's moves: finds a provider when nobody accepted, moves parked steps on, lets refunds be sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from fulfil.cli.benches.month.board import Board, News, Reaction
from fulfil.cli.benches.month.characters import HOUR, between
from fulfil.models.messages.events import EventType

LOOKS_WITHIN = (0.5 * HOUR, 8 * HOUR)
ASKS_AGAIN_AFTER = 10 * HOUR
MOST_ASKED = 12
NOBODY_HAS_IT = ("pending", "offered")


@dataclass(frozen=True)
class Supporting:
    """Those who help."""

    board: Board

    def reactions(self) -> Mapping[EventType, Reaction]:
        """What they do when they hear of something."""
        return {
            EventType.JOB_ESCALATED: self.hear_of_escalation,
            EventType.STEP_PARKED: self.hear_of_parking,
            EventType.REFUND_REQUESTED: self.hear_of_refund,
        }

    def hear_of_escalation(self, news: News) -> None:
        """Nobody accepted."""
        order = self.board.purchases[news.order_id].wish.number
        after = between(self.board.dice("escalated", order, news.at.date()), LOOKS_WITHIN)
        self.board.later(after, "find a provider", partial(self.find_provider, news.subject, order))

    async def find_provider(self, job_id: str, order: int) -> None:
        """Ask providers until one can be asked; look again later, while nobody has it."""
        support = self.board.people.support
        job = await support.get(f"/jobs/{job_id}")
        if job.body.get("state") not in NOBODY_HAS_IT:
            return
        material = job.body["work"]["material"]
        fitting = [maker for maker in self.board.people.makers.values() if material in maker.materials]
        self.board.dice("choice of support", order, self.board.now.date()).shuffle(fitting)
        for maker in fitting[:MOST_ASKED]:
            body = {"provider_id": maker.id, "reason": "Nobody else accepted."}
            answer = await support.post(f"/support/jobs/{job_id}/offer", body)
            if answer.good:
                self.board.counts["providers chosen by support"] += 1
                break
        self.board.later(ASKS_AGAIN_AFTER, "find a provider", partial(self.find_provider, job_id, order))

    def hear_of_parking(self, news: News) -> None:
        """A step could not be done."""
        self.board.parked.append(f"{news.order_id}: {news.data}"[:400])
        self.board.later(timedelta(minutes=30), "retry", partial(self.retry, news.order_id))

    async def retry(self, order_id: str) -> None:
        """Run the parked step again."""
        await self.board.people.support.post(f"/support/orders/{order_id}/retry", {"reason": "looked at"})

    def hear_of_refund(self, news: News) -> None:
        """Large refunds want a second person."""
        self.board.later(timedelta(hours=2), "refund", partial(self.approve_refunds, news.order_id))

    async def approve_refunds(self, order_id: str) -> None:
        """Let go what waits for somebody."""
        admin = self.board.people.admin
        listed = await admin.get(f"/orders/{order_id}/refunds")
        for refund in listed.body.get("data", []):
            if "approve" in refund["allowed_actions"]:
                await admin.post(f"/refunds/{refund['id']}/approve", {"reason": "as agreed"})
                self.board.counts["refunds approved"] += 1
