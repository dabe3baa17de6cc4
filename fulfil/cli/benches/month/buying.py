"""The customers' moves: order, pay, change one's mind, choose when it is late, take counter-offers, approve."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random

from fulfil.cli.benches.month.board import Board, News, Purchase, Reaction
from fulfil.cli.benches.month.characters import DAY, HOUR, Basket, Patience, Purse, Verdict, Wish, between, wish
from fulfil.cli.benches.month.people import Buyer
from fulfil.cli.benches.month.wares import MATERIALS, write_quote
from fulfil.cli.playing.scenes import RETURN_URL, confirm_with_bank
from fulfil.models.messages.events import EventType

CARDS = {
    Purse.CARD: "pm_card_visa",
    Purse.SAVED_CARD: "pm_card_visa",
    Purse.ASKED_BY_BANK: "pm_card_authenticationRequired",
    Purse.DECLINED_FIRST: "pm_card_chargeDeclined",
}
PAYS_WITHIN = (timedelta(minutes=1), timedelta(minutes=10))
CHOOSES_WITHIN = (1 * HOUR, 40 * HOUR)
TWO_MATERIALS = ("PLA", "PETG")
COUNTERS_ANSWERED_WITHIN = (timedelta(seconds=3), timedelta(seconds=30))
MUSES_FOR = timedelta(minutes=5)
APPROVES_WITHIN = (1 * HOUR, 60 * HOUR)
LATE = (EventType.JOB_DEADLINE_MISSED, EventType.JOB_DELAY_ANNOUNCED, EventType.SHIPMENT_LOST)


@dataclass(frozen=True)
class Buying:
    """All customers."""

    board: Board

    def plan(self, orders: int, *, begin: datetime, days: int) -> None:
        """Spread so many orders over the days."""
        for number in range(orders):
            dice = self.board.dice("when", number)
            buyer = self.board.people.buyers[number % len(self.board.people.buyers)]
            wanted = wish(number, self.board.seed, saves_cards=buyer.saved_card is not None)
            at = begin + DAY * days * dice.random()
            self.board.agenda.add(at, f"order {number}", partial(self.place, wanted, buyer), to_the_second=True)

    def reactions(self) -> Mapping[EventType, Reaction]:
        """What customers do when they hear of something."""
        return {
            **dict.fromkeys(LATE, self.hear_of_trouble),
            EventType.JOB_DELIVERED: self.hear_of_delivery,
            EventType.JOB_COUNTERED: self.hear_of_counter,
            EventType.MILESTONE_SUBMITTED: self.hear_of_submission,
        }

    async def place(self, wanted: Wish, buyer: Buyer) -> None:
        """Order what she wants, and mean to pay."""
        board, dice = self.board, self.board.dice("basket", wanted.number)
        body = await self._basket(wanted, buyer, dice)
        if wanted.purse is Purse.SAVED_CARD and buyer.saved_card is not None:
            body["payment_method"] = buyer.saved_card
        answer = await buyer.caller.post("/orders", body)
        if not answer.good:
            board.given_up.append(f"order {wanted.number} was not placed: {answer.status} {answer.body}"[:300])
            return
        purchase = Purchase(str(answer.body["id"]), wanted, buyer)
        board.purchases[purchase.order_id] = purchase
        if wanted.purse not in (Purse.SAVED_CARD, Purse.NEVER):
            pay = partial(self.pay, purchase, CARDS[wanted.purse])
            board.later(between(dice, PAYS_WITHIN), "pay", pay, to_the_second=True)
        if wanted.changes_mind_after is not None:
            board.later(wanted.changes_mind_after, "cancel", partial(self.cancel, purchase))

    async def pay(self, purchase: Purchase, card: str) -> None:
        """Pay; a declined card is followed by a good one, a bank that asks is answered."""
        body = {"payment_method": card, "return_url": RETURN_URL}
        answer = await purchase.buyer.caller.post(f"/orders/{purchase.order_id}/pay", body)
        if answer.good and answer.body.get("next_action_url"):
            await confirm_with_bank(str(answer.body["next_action_url"]))
        elif not answer.good and card == CARDS[Purse.DECLINED_FIRST]:
            again = partial(self.pay, purchase, CARDS[Purse.CARD])
            self.board.later(timedelta(minutes=1), "pay again", again, to_the_second=True)

    async def cancel(self, purchase: Purchase) -> None:
        """She does not want it any more, or the first of its lines; too late is too late."""
        if await self.board.leave_to_timer(purchase.order_id):
            self.board.later(MUSES_FOR, "cancel", partial(self.cancel, purchase))
            return
        path = f"/orders/{purchase.order_id}/cancel"
        if purchase.wish.basket in (Basket.TWO_MATERIALS, Basket.PART_AND_SERVICE):
            order = await purchase.buyer.caller.get(f"/orders/{purchase.order_id}", expand="lines")
            path = f"/orders/{purchase.order_id}/lines/{order.body['lines'][0]['id']}/cancel"
        answer = await purchase.buyer.caller.post(path, {"reason": "I changed my mind."})
        self.board.counts["orders called off by their customers"] += answer.good
        if answer.good:
            self.board.called_off.add(purchase.order_id)

    def hear_of_trouble(self, news: News) -> None:
        """Late, or lost: most choose, some say nothing."""
        purchase = self.board.purchases[news.order_id]
        if purchase.wish.patience is not Patience.SILENT:
            dice = self.board.dice("choice", purchase.wish.number, self.board.events[news.type])
            choose = partial(self.choose, purchase, news.subject)
            self.board.later(between(dice, CHOOSES_WITHIN), "choose", choose)

    async def choose(self, purchase: Purchase, job_id: str) -> None:
        """Say how it goes on, if that is still asked."""
        caller = purchase.buyer.caller
        job = await caller.get(f"/jobs/{job_id}")
        if not job.good or "choose" not in job.body["allowed_actions"]:
            return
        wanted = purchase.wish.patience.value
        offered = list(job.body["trouble"]["choices"])
        choice = wanted if wanted in offered else offered[0]
        answer = await caller.post(f"/jobs/{job_id}/choice", {"choice": choice})
        self.board.counts[f"choices: {choice}"] += answer.good
        if answer.good and choice == Patience.CALLS_OFF:
            self.board.called_off.add(purchase.order_id)

    def hear_of_counter(self, news: News) -> None:
        """Somebody would make it on other terms."""
        purchase = self.board.purchases[news.order_id]
        after = between(self.board.dice("counter", purchase.wish.number), COUNTERS_ANSWERED_WITHIN)
        answer = partial(self.answer_counters, purchase, news.subject)
        self.board.later(after, "counter-offer", answer, to_the_second=True)

    async def answer_counters(self, purchase: Purchase, job_id: str) -> None:
        """Take the newest that can be taken, or decline it."""
        caller = purchase.buyer.caller
        if await self.board.leave_to_timer(purchase.order_id):
            self.board.later(MUSES_FOR, "counter-offer", partial(self.answer_counters, purchase, job_id))
            return
        listed = await caller.get(f"/jobs/{job_id}/counter-offers")
        verb = "accept" if purchase.wish.takes_counters else "decline"
        for counter in listed.body.get("data", []):
            if verb in counter["allowed_actions"]:
                answer = await caller.post(f"/counter-offers/{counter['id']}/{verb}")
                self.board.counts[f"counter-offers: {verb}"] += answer.good
                return

    def hear_of_delivery(self, news: News) -> None:
        """It is there: she looks at it, or is silent."""
        purchase = self.board.purchases[news.order_id]
        if purchase.wish.verdict is not Verdict.SILENT:
            after = between(self.board.dice("approval", purchase.wish.number), APPROVES_WITHIN)
            path = f"/jobs/{news.subject}/approve"
            self.board.later(after, "approve", partial(self._post, purchase, path))

    def hear_of_submission(self, news: News) -> None:
        """Work on a milestone to look at."""
        purchase = self.board.purchases[news.order_id]
        if purchase.wish.verdict is not Verdict.SILENT:
            after = between(self.board.dice("review", purchase.wish.number), (1 * HOUR, 50 * HOUR))
            self.board.later(after, "review", partial(self.review, purchase, news.subject))

    async def review(self, purchase: Purchase, deliverable_id: str) -> None:
        """Approve what is in review; some want a change first, few reject the first submission."""
        caller, path = purchase.buyer.caller, f"/deliverables/{deliverable_id}"
        found = await caller.get(path)
        for milestone in found.body.get("milestones", []):
            actions = milestone["allowed_actions"]
            first = len([each for each in found.body["submissions"] if each["milestone_id"] == milestone["id"]]) == 1
            about = {"milestone_id": milestone["id"]}
            if purchase.wish.verdict is Verdict.REVISES and first and "request_revision" in actions:
                await caller.post(f"{path}/revisions", {**about, "text": "A little larger, please."})
            elif purchase.wish.verdict is Verdict.REJECTS and first and "reject" in actions:
                await caller.put(f"{path}/reject", {**about, "reason": "This is not what I ordered."})
            elif "approve" in actions:
                await caller.put(f"{path}/approve", about)

    async def _post(self, purchase: Purchase, path: str) -> None:
        await purchase.buyer.caller.post(path)

    async def _basket(self, wanted: Wish, buyer: Buyer, dice: Random) -> dict[str, object]:
        """What is ordered: parts of one or two materials, a service, or both."""
        lines: list[Mapping[str, str]] = []
        if wanted.basket is not Basket.SERVICE:
            materials = TWO_MATERIALS if wanted.basket is Basket.TWO_MATERIALS else (dice.choice(MATERIALS),)
            async with self.board.servers.owner.begin() as session:
                quote_id = await write_quote(session, dice, buyer.caller.party_id, self.board.now, materials)
            lines.append({"quote_id": quote_id})
        if wanted.basket in (Basket.SERVICE, Basket.PART_AND_SERVICE):
            offered = [service for maker in self.board.people.makers.values() for service in maker.services]
            lines.append({"service_id": dice.choice(offered)})
        return {"lines": lines, "delivery_method": "pickup" if wanted.picks_up else "shipping"}
