"""The ways an order and its money can go, and what must have become of both in the end."""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from fulfil.cli.client import ProblemError
from fulfil.cli.playing import money_scripts
from fulfil.cli.playing.following import LiveTimeline
from fulfil.cli.playing.scenes import RETURN_URL, confirm_with_bank
from fulfil.cli.playing.turns import Ending, Stage, Turn
from fulfil.models.messages.events import EventType
from fulfil.models.messages.orders import OrderState

AUTHENTICATES = "pm_card_threeDSecure2Required"
DECLINES = "pm_card_chargeDeclinedInsufficientFunds"


class Script(StrEnum):
    """What happens to an order beyond being made and paid."""

    PAYS = "pays"
    CONFIRMS_WITH_BANK = "confirms with the bank"
    CARD_DECLINED_FIRST = "first card declined"
    BANK_REFUSED_FIRST = "first refused by the bank"
    ABANDONS_BANK = "leaves the bank's page"
    CANCELS_UNPAID = "cancels before paying"
    CANCELS_OFFERED = "cancels while offered"
    CANCELS_ACCEPTED = "cancels after acceptance"
    REFUND_PART_HELD = "part refunded while held"
    REFUND_ALL_HELD = "all refunded while held"
    REFUND_LARGE = "large refund, second person"
    REFUND_PART_RELEASED = "part refunded after release"
    REFUND_ALL_RELEASED = "all refunded after release"
    REFUND_TWICE = "refunded before and after release"
    REFUND_RACED = "two refunds at once"
    REFUND_REJECTED = "refund rejected"
    GOODWILL = "goodwill"
    REFUND_PENDING = "refund pending"
    REFUND_BY_BANK = "refund failed, paid by bank"
    REFUND_AGAIN = "refund failed, sent again"
    REFUND_CAME_BACK = "refund came back, credited"
    CANCELLED_REFUND_FAILED = "cancelled, refund failed"
    WARNED_OF_FRAUD = "warned of fraud, refunded"
    CHARGEBACK_WON = "chargeback won"
    CHARGEBACK_LOST_HELD = "chargeback lost while held"
    CHARGEBACK_LOST_RELEASED = "chargeback lost after release"
    CHARGEBACK_OF_REST = "part refunded, rest charged back"
    INQUIRY_CLOSED = "inquiry closed"
    INQUIRY_ESCALATED = "inquiry escalated, won"
    CANCELLED_FROZEN = "cancelled while charged back, won"
    CANCELLED_LOST = "cancelled while charged back, lost"


Plot = Callable[[Turn], Awaitable[None]]
# How often each is played next to the others; the rest once.
OFTEN: Mapping[Script, int] = {
    Script.PAYS: 9,
    Script.CONFIRMS_WITH_BANK: 3,
    Script.CARD_DECLINED_FIRST: 2,
    Script.CANCELS_ACCEPTED: 2,
    Script.REFUND_PART_RELEASED: 2,
    Script.REFUND_CAME_BACK: 2,
}


@dataclass(frozen=True)
class Played:
    """An order that was acknowledged: how it ended, and how it and its money had to."""

    order_id: str
    script: Script
    state: OrderState
    ending: Ending

    @property
    def as_expected(self) -> bool:
        """Whether it ended the way its script wanted."""
        return self.state is self.ending.state


def choose_scripts(number: int, dice: random.Random) -> list[Script]:
    """So many scripts in the order they are played, each of them once before any is left to chance."""
    weights = [OFTEN.get(script, 1) for script in Script]
    every = dice.sample(list(Script), len(Script))[:number]
    chosen = every + dice.choices(list(Script), weights, k=number - len(every))
    dice.shuffle(chosen)
    return chosen


async def play(stage: Stage, script: Script, plot: Plot | None = None) -> Played:
    """Play one order to its end; its id goes to `acknowledged` as soon as the API has answered."""
    customer = stage.shop.customer
    quote = stage.large if script is Script.REFUND_LARGE else stage.shop.quote
    order = await customer.place(quote)
    stage.acknowledged.append(order.id)
    # Support sees what customers are not told, such as a warning of fraud.
    async with LiveTimeline(stage.support, order.id) as live:
        turn = Turn(stage, order, live, Ending())
        await (plot or PLOTS[script])(turn)
        await turn.until(EventType.ORDER_CLOSED, EventType.ORDER_CANCELLED, EventType.ORDER_EXPIRED)
    return Played(order.id, script, (await customer.order(order.id, "payment")).state, turn.ending)


async def _pays(turn: Turn) -> None:
    await turn.be_accepted()
    await turn.be_closed()


async def _confirms_with_bank(turn: Turn) -> None:
    await turn.be_accepted(AUTHENTICATES)
    await turn.be_closed()


async def _card_declined_first(turn: Turn) -> None:
    try:
        await turn.stage.shop.customer.pay(turn.order.id, DECLINES)
    except ProblemError as refused:
        if refused.problem.code != "card_declined":
            raise
    else:
        raise AssertionError(f"{turn.order.id} was paid with a card that declines")
    await _pays(turn)


async def _bank_refused_first(turn: Turn) -> None:
    await _see_bank(turn, approve=False)
    await turn.until(EventType.PAYMENT_FAILED)
    await _pays(turn)


async def _abandons_bank(turn: Turn) -> None:
    """The bank's page stays open until support calls the order off: nobody waits the 24 hours here."""
    turn.ending.state = OrderState.CANCELLED
    await turn.stage.shop.customer.pay(turn.order.id, AUTHENTICATES, RETURN_URL)
    await turn.stage.support.cancel_order(turn.order.id, "never came back from her bank")


async def _cancels_unpaid(turn: Turn) -> None:
    turn.ending.state = OrderState.CANCELLED
    await turn.stage.shop.customer.cancel(turn.order.id, "found it cheaper")


async def _cancels_offered(turn: Turn) -> None:
    turn.ending.state = OrderState.CANCELLED
    await turn.pay()
    await turn.stage.shop.market.chances(turn.job_id, turn.stage.patience_s)
    await turn.stage.shop.customer.cancel(turn.order.id, "changed her mind")


async def _cancels_accepted(turn: Turn) -> None:
    await turn.be_accepted()
    turn.ending.state, turn.ending.refunded = OrderState.CANCELLED, turn.total
    await turn.stage.shop.customer.cancel(turn.order.id, "wrong material")


async def _see_bank(turn: Turn, *, approve: bool) -> None:
    attempt = await turn.stage.shop.customer.pay(turn.order.id, AUTHENTICATES, RETURN_URL)
    if attempt.next_action_url is None:
        raise AssertionError(f"{turn.order.id} was paid without asking the bank: {attempt.status}")
    await confirm_with_bank(attempt.next_action_url, approve=approve)


PLOTS: Mapping[Script, Plot] = {
    Script.PAYS: _pays,
    Script.CONFIRMS_WITH_BANK: _confirms_with_bank,
    Script.CARD_DECLINED_FIRST: _card_declined_first,
    Script.BANK_REFUSED_FIRST: _bank_refused_first,
    Script.ABANDONS_BANK: _abandons_bank,
    Script.CANCELS_UNPAID: _cancels_unpaid,
    Script.CANCELS_OFFERED: _cancels_offered,
    Script.CANCELS_ACCEPTED: _cancels_accepted,
    Script.REFUND_PART_HELD: money_scripts.refund_part_while_held,
    Script.REFUND_ALL_HELD: money_scripts.refund_all_while_held,
    Script.REFUND_LARGE: money_scripts.refund_large,
    Script.REFUND_PART_RELEASED: money_scripts.refund_part_after_release,
    Script.REFUND_ALL_RELEASED: money_scripts.refund_all_after_release,
    Script.REFUND_TWICE: money_scripts.refund_twice,
    Script.REFUND_RACED: money_scripts.refund_raced,
    Script.REFUND_REJECTED: money_scripts.refund_rejected,
    Script.GOODWILL: money_scripts.give_goodwill,
    Script.REFUND_PENDING: money_scripts.refund_pending,
    Script.REFUND_BY_BANK: money_scripts.refund_failed_paid_by_bank,
    Script.REFUND_AGAIN: money_scripts.refund_failed_sent_again,
    Script.REFUND_CAME_BACK: money_scripts.refund_came_back,
    Script.CANCELLED_REFUND_FAILED: money_scripts.cancelled_refund_failed,
    Script.WARNED_OF_FRAUD: money_scripts.warned_of_fraud,
    Script.CHARGEBACK_WON: money_scripts.chargeback_won,
    Script.CHARGEBACK_LOST_HELD: money_scripts.chargeback_lost_while_held,
    Script.CHARGEBACK_LOST_RELEASED: money_scripts.chargeback_lost_after_release,
    Script.CHARGEBACK_OF_REST: money_scripts.chargeback_of_the_rest,
    Script.INQUIRY_CLOSED: money_scripts.inquiry_closed,
    Script.INQUIRY_ESCALATED: money_scripts.inquiry_escalated,
    Script.CANCELLED_FROZEN: money_scripts.cancelled_while_charged_back,
    Script.CANCELLED_LOST: money_scripts.cancelled_and_lost,
}
