"""The providers' moves on services: milestone after milestone submitted, changed when asked, some of them late."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from fulfil.cli.benches.month.board import Board, News, Reaction
from fulfil.cli.benches.month.characters import DAY, HOUR, between
from fulfil.models.messages.events import EventType

THEIR_TURN = (
    EventType.DELIVERABLE_OPENED,
    EventType.MILESTONE_APPROVED,
    EventType.MILESTONE_REVISION_REQUESTED,
    EventType.MILESTONE_REJECTED,
)
WORKS_FOR = (8 * HOUR, 3 * DAY)
LATE_BY = 3 * DAY
LATE_SHARE = 0.12


@dataclass(frozen=True)
class Delivering:
    """All providers of services."""

    board: Board

    def reactions(self) -> Mapping[EventType, Reaction]:
        """What they do when they hear of something."""
        return dict.fromkeys(THEIR_TURN, self.hear)

    def hear(self, news: News) -> None:
        """There is a milestone to work on, perhaps."""
        dice = self.board.dice("milestone", self.board.purchases[news.order_id].wish.number, self.board.events.total())
        works_for = between(dice, WORKS_FOR)
        if dice.random() < LATE_SHARE:
            works_for += LATE_BY
        self.board.later(works_for, "milestone", partial(self.turn, news.subject), keeps_open=False)

    async def turn(self, deliverable_id: str) -> None:
        """Submit the first milestone that waits for her."""
        path = f"/deliverables/{deliverable_id}"
        seen = await self.board.people.support.get(path)
        if not seen.good or seen.body["closed_at"] is not None:
            return
        caller = self.board.people.makers[seen.body["provider_id"]].caller
        hers = await caller.get(path)
        for milestone in hers.body["milestones"]:
            if "submit" in milestone["allowed_actions"]:
                body = {"milestone_id": milestone["id"], "note": "Here it is."}
                answer = await caller.post(f"{path}/submit", body)
                self.board.counts["milestones submitted"] += answer.good
                return
            if milestone["state"] not in ("completed", "cancelled"):
                self.board.later(timedelta(hours=6), "milestone", partial(self.turn, deliverable_id), keeps_open=False)
                return
