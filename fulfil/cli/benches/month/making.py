"""The providers' moves on jobs: answer offers, then make the work, each by her own character."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random

from sqlalchemy import text

from fulfil.cli.benches.month.agenda import Deed
from fulfil.cli.benches.month.board import Board, News, Reaction
from fulfil.cli.benches.month.calling import Answer
from fulfil.cli.benches.month.characters import DAY, HOUR, between
from fulfil.cli.benches.month.people import Maker
from fulfil.cli.benches.month.works import Step, Verb, Work, plan_work
from fulfil.models.messages.events import EventType

OPEN_OFFERS = text("""
SELECT o.id, o.job_id, o.provider_id, o.stage, o.offered_at, o.expires_at, o.round, j.order_id
FROM offers o JOIN jobs j ON j.id = o.job_id
WHERE o.state = 'open' AND o.job_id = ANY(:jobs) ORDER BY o.rank, o.id
""")
ASKED = (
    EventType.JOB_OFFERED,
    EventType.JOB_PUT_ON_BOARD,
    EventType.JOB_REDISPATCHED,
    EventType.JOB_ESCALATED,
    EventType.JOB_OFFERED_BY_SUPPORT,
)
AFTER_EXPIRY = timedelta(seconds=1)
AWAY_FOR = (1 * DAY, 4 * DAY)
RESTOCK_EVERY, RESTOCK_G = 7 * DAY, 4_000
TRIED_EVERY, MOST_TRIES = 8 * HOUR, 60
LATER_BY = (1 * DAY, 4 * DAY)
NOT_FOUND = 404
ACTIONS: Mapping[Verb, tuple[str, ...]] = {
    Verb.START: ("start",),
    Verb.PROGRESS: ("progress",),
    Verb.GIVE_BACK: ("give_back",),
    Verb.ANNOUNCE: ("delay",),
    Verb.FAIL: ("quality",),
    Verb.CHECK: ("quality",),
    Verb.SHIP: ("ready_for_pickup", "ship"),
    Verb.LOSE: (),
    Verb.DELIVER: ("deliver",),
}
PATHS = {
    **{action: action for action in ("start", "progress", "delay", "quality", "ship", "deliver")},
    "give_back": "give-back",
    "ready_for_pickup": "ready-for-pickup",
}
"""The last part of each action's path."""


@dataclass
class Making:
    """All providers."""

    board: Board
    _asked: set[str] = field(default_factory=set[str])
    _seen: set[tuple[str, datetime]] = field(default_factory=set[tuple[str, datetime]])

    def plan(self) -> None:
        """What providers do now and then, whoever orders."""
        for maker in self.board.people.makers.values():
            dice = self.board.dice("life", maker.number)
            away_every = maker.character.away_every
            if away_every is not None:
                self._now_and_then(away_every * dice.random(), "go offline", partial(self.go_offline, maker))
            self._now_and_then(RESTOCK_EVERY * dice.random(), "restock", partial(self.restock, maker))

    def reactions(self) -> Mapping[EventType, Reaction]:
        """What providers do when they hear of something."""
        return {**dict.fromkeys(ASKED, self.hear_of_offers), EventType.JOB_ACCEPTED: self.hear_of_acceptance}

    def hear_of_offers(self, news: News) -> None:
        """Somebody is asked; who, stands in the offers."""
        self._asked.add(news.subject)

    async def look_at_offers(self) -> None:
        """Everybody who is newly asked means to answer; a wave that ends is looked at again."""
        if not self._asked:
            return
        async with self.board.servers.owner.begin() as session:
            offers = (await session.execute(OPEN_OFFERS, {"jobs": list(self._asked)})).all()
        self._asked.clear()
        for row in offers:
            if (row.id, row.offered_at) in self._seen:
                continue
            self._seen.add((row.id, row.offered_at))
            maker = self.board.people.makers[row.provider_id]
            order = self.board.purchases[row.order_id].wish.number
            dice = self.board.dice("answer", maker.number, order, row.round, row.stage)
            at = row.offered_at + between(dice, maker.character.answers_after)
            answer = partial(self.answer, maker, row.order_id, row.id, dice)
            self.board.agenda.add(at, f"answer of {maker.number}", answer, keeps_open=False, to_the_second=True)
            over = row.expires_at + AFTER_EXPIRY
            self.board.agenda.add(over, "wave over", _nothing, keeps_open=False, to_the_second=True)

    async def answer(self, maker: Maker, order_id: str, offer_id: str, dice: Random) -> None:
        """Accept, decline, or name other terms, if she is still asked and not about to be too late."""
        if await self.board.leave_to_timer(order_id):
            return
        offer = await maker.caller.get(f"/offers/{offer_id}")
        actions = offer.body.get("allowed_actions", [])
        thrown = dice.random()
        chosen_by_support = offer.body.get("stage") == "operator"
        if "decline" in actions and thrown < maker.character.declines and not chosen_by_support:
            await maker.caller.post(f"/offers/{offer_id}/decline", {"reason": "No time."})
        elif "counter" in actions and thrown < maker.character.declines + maker.character.counters:
            lead_time_days = int(offer.body["work"]["lead_time_days"]) + dice.randint(1, 5)
            await maker.caller.post(f"/offers/{offer_id}/counter", {"lead_time_days": lead_time_days})
        elif "accept" in actions:
            await maker.caller.post(f"/offers/{offer_id}/accept")

    def hear_of_acceptance(self, news: News) -> None:
        """The job is hers: she plans her work."""
        maker = self.board.people.makers[news.data["provider_id"]]
        order = self.board.purchases[news.order_id].wish.number
        dice = self.board.dice("work", maker.number, order, news.data["round"])
        due = news.data.get("due_at")
        due_at = datetime.fromisoformat(due) if due else news.at + 5 * DAY
        steps = plan_work(maker.character, dice, news.at, due_at)
        self._go_on(Work(maker, news.order_id, news.subject, news.data["offer_id"], due_at, dice, steps))

    async def turn(self, work: Work) -> None:
        """The next step of her work, if it is still hers and this can be done now."""
        caller, step = work.maker.caller, work.steps[0]
        job = await caller.get(f"/jobs/{work.job_id}")
        if job.status == NOT_FOUND or job.body["closed_at"] is not None or job.body["approved_at"] is not None:
            return
        answer = await self._do(work, step, job)
        if answer is None or not answer.good:
            work.tries += 1
            if work.tries > MOST_TRIES:
                self.board.given_up.append(f"{work.order_id} {work.job_id}: {step.verb} was never possible")
                return
            work.steps[0] = Step(self.board.now + TRIED_EVERY, step.verb)
        else:
            work.tries = 0
            work.steps.pop(0)
            self.board.counts[f"work: {step.verb.value}"] += 1
        self._go_on(work)

    async def _do(self, work: Work, step: Step, job: Answer) -> Answer | None:
        """What the step asks for; None when it can't be done yet."""
        possible = [action for action in ACTIONS[step.verb] if action in job.body["allowed_actions"]]
        if step.verb is Verb.LOSE:
            return await self._lose(job)
        if not possible:
            return None
        path, body = PATHS[possible[0]], await self._said(work, step, job, possible[0])
        return await work.maker.caller.post(f"/jobs/{work.job_id}/{path}", body)

    async def _said(self, work: Work, step: Step, job: Answer, action: str) -> Mapping[str, object]:
        """What is told with it."""
        later = max(work.due_at, self.board.now) + between(work.dice, LATER_BY)
        number = f"{work.job_id[-12:]}-{work.dice.randint(0, 9999)}"
        bodies: Mapping[str, Mapping[str, object]] = {
            "progress": {"percent": 50},
            "give_back": {"reason": "The machine broke."},
            "delay": {"due_at": later.isoformat(), "reason": "A nozzle broke."},
            "ready_for_pickup": {"address": "Main Street 1, 10115 Berlin"},
            "ship": {"carrier": "DHL", "tracking_number": number},
        }
        if action == "quality":
            return _checked(job, passed=step.verb is Verb.CHECK)
        return await self._proof(work, job) if action == "deliver" else bodies.get(action, {})

    async def _lose(self, job: Answer) -> Answer | None:
        """The carrier tells that the parcel is gone; she sends another one if she is let."""
        if not job.body["making"]["shipments"]:
            return None
        parcel = job.body["making"]["shipments"][-1]
        event = {"event_id": f"lost-{parcel['id']}", "kind": "lost", "at": self.board.now.isoformat()}
        return await self.board.people.support.post(f"/shipments/{parcel['id']}/events", event)

    async def _proof(self, work: Work, job: Answer) -> Mapping[str, object]:
        """What is picked up is proved by the customer's code."""
        if job.body["production"]["pickup_ready_at"] is None:
            return {"proof_note": "Left with the neighbour"}
        hers = await self.board.purchases[work.order_id].buyer.caller.get(f"/jobs/{work.job_id}")
        return {"pickup_code": hers.body["making"]["pickup"]["code"]}

    def _go_on(self, work: Work) -> None:
        if work.steps:
            at = max(work.steps[0].at, self.board.now + timedelta(minutes=1))
            # The month waits for orders, not for work that may be nobody's any more.
            self.board.agenda.add(at, work.steps[0].verb.value, partial(self.turn, work), keeps_open=False)

    def _now_and_then(self, after: timedelta, label: str, deed: Deed) -> None:
        self.board.later(after, label, deed, keeps_open=False)

    async def go_offline(self, maker: Maker) -> None:
        """Away for days; what she accepted and did not start goes to others."""
        dice = self.board.dice("away", maker.number, self.board.now.date())
        await maker.caller.put(f"/providers/{maker.id}/online", {"online": False})
        self._now_and_then(between(dice, AWAY_FOR), "come back", partial(self.come_back, maker))

    async def come_back(self, maker: Maker) -> None:
        """Online again, until the next time."""
        await maker.caller.put(f"/providers/{maker.id}/online", {"online": True})
        again = maker.character.away_every
        if again is not None:
            self._now_and_then(again, "go offline", partial(self.go_offline, maker))

    async def restock(self, maker: Maker) -> None:
        """New material, every week."""
        for material in maker.materials:
            receipt = {"material": material, "quantity": RESTOCK_G, "reason": "weekly delivery"}
            await maker.caller.post(f"/providers/{maker.id}/stock", receipt)
        self._now_and_then(RESTOCK_EVERY, "restock", partial(self.restock, maker))


async def _nothing() -> None:
    """A moment at which it is only looked what happened."""


def _checked(job: Answer, *, passed: bool) -> Mapping[str, object]:
    """Everything the checklist requires; failed means its first criterion was not met."""
    required: Iterable[str] = [each["code"] for each in job.body["making"]["checklist"] if each["required"]]
    answers = [{"code": code, "passed": passed or place > 0} for place, code in enumerate(required)]
    return {"checks": answers} | ({} if passed else {"correction": "rework"})
