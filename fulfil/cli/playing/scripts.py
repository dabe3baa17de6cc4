"""The ways an order can go that its people decide on, and what must have become of it in the end."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from fulfil.cli.client import ProblemError
from fulfil.cli.playing.following import LiveTimeline
from fulfil.cli.playing.orders import Shop
from fulfil.cli.playing.scenes import make_and_deliver, pay_in_full, race
from fulfil.models.messages.events import EventType
from fulfil.models.messages.orders import OrderState

AUTHENTICATES = "pm_card_threeDSecure2Required"
DECLINES = "pm_card_chargeDeclinedInsufficientFunds"


class Script(StrEnum):
    """What the customer does; everything up to the provider's acceptance is the same unless it says otherwise."""

    PAYS = "pays"
    CONFIRMS_WITH_BANK = "confirms with the bank"
    CARD_DECLINED_FIRST = "first card declined"
    CANCELS_UNPAID = "cancels before paying"
    CANCELS_OFFERED = "cancels while offered"
    CANCELS_ACCEPTED = "cancels after acceptance"


# How often each is played, in twenty.
MIX: Mapping[Script, int] = {
    Script.PAYS: 11,
    Script.CONFIRMS_WITH_BANK: 3,
    Script.CARD_DECLINED_FIRST: 2,
    Script.CANCELS_UNPAID: 1,
    Script.CANCELS_OFFERED: 1,
    Script.CANCELS_ACCEPTED: 2,
}
CANCELS = (Script.CANCELS_UNPAID, Script.CANCELS_OFFERED, Script.CANCELS_ACCEPTED)


@dataclass(frozen=True)
class Played:
    """An order that was acknowledged, and how it ended."""

    order_id: str
    script: Script
    state: OrderState

    @property
    def as_expected(self) -> bool:
        """Whether it ended the way its customer wanted."""
        return self.state is (OrderState.CANCELLED if self.script in CANCELS else OrderState.CLOSED)


async def play(shop: Shop, script: Script, acknowledged: list[str]) -> Played:
    """Play one order to its end; its id goes to `acknowledged` as soon as the API has answered."""
    order = await shop.customer.place(shop.quote)
    acknowledged.append(order.id)
    async with LiveTimeline(shop.customer, order.id) as live:
        await _play(shop, script, order.id, live)
        ended = await live.until(
            EventType.ORDER_CLOSED, EventType.ORDER_CANCELLED, EventType.ORDER_EXPIRED, within_s=shop.patience_s
        )
    return Played(order.id, script, OrderState(ended.type.removeprefix("order.")))


async def _play(shop: Shop, script: Script, order_id: str, live: LiveTimeline) -> None:
    customer = shop.customer
    if script is Script.CANCELS_UNPAID:
        await customer.cancel(order_id, "found it cheaper")
        return
    if script is Script.CARD_DECLINED_FIRST:
        await _try_a_declining_card(shop, order_id)
    await pay_in_full(customer, order_id, AUTHENTICATES if script is Script.CONFIRMS_WITH_BANK else "pm_card_visa")
    job_id = (await live.until(EventType.JOB_OPENED, within_s=shop.patience_s)).subject
    chances = await shop.market.chances(job_id, shop.patience_s)
    if script is Script.CANCELS_OFFERED:
        await customer.cancel(order_id, "changed her mind")
        return
    won = await race(chances)
    if script is Script.CANCELS_ACCEPTED:
        await customer.cancel(order_id, "wrong material")
        return
    await make_and_deliver(won.winner, job_id)
    await customer.approve(job_id)


async def _try_a_declining_card(shop: Shop, order_id: str) -> None:
    try:
        await shop.customer.pay(order_id, DECLINES)
    except ProblemError as refused:
        if refused.problem.code != "card_declined":
            raise
    else:
        raise AssertionError(f"{order_id} was paid with a card that declines")
