"""How orders go: the moves of each side, in the order they make them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from fulfil.api.schemas.jobs import Acceptance
from fulfil.cli.client import ProblemError
from fulfil.cli.exits import CommandError
from fulfil.cli.playing.following import Chance
from fulfil.cli.playing.people import Customer, Provider

AUTHENTICATION_WITHIN_S = 60
AGAIN_AFTER_S = 0.3
RETURN_URL = "https://shop.example/thank-you"


class NobodyWonError(CommandError):
    """Every provider was refused; the message carries the reasons."""


@dataclass(frozen=True)
class Race:
    """Who got the job, and how the others were refused."""

    winner: Provider
    acceptance: Acceptance
    refusals: list[ProblemError]


async def race(chances: Sequence[Chance]) -> Race:
    """Everybody accepts at once; raises `NobodyWonError`, and `AssertionError` when two won."""
    answers = await asyncio.gather(
        *(chance.provider.accept(chance.offer.id) for chance in chances), return_exceptions=True
    )
    refusals = [answer for answer in answers if isinstance(answer, ProblemError)]
    winners = [
        (chance.provider, answer)
        for chance, answer in zip(chances, answers, strict=True)
        if isinstance(answer, Acceptance)
    ]
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, ProblemError):
            raise answer
    if not winners:
        raise NobodyWonError("; ".join(str(refusal) for refusal in refusals))
    if len(winners) > 1:
        raise AssertionError(f"{chances[0].offer.job_id} was given to {len(winners)} providers")
    return Race(*winners[0], refusals)


async def make_and_deliver(provider: Provider, job_id: str) -> None:
    """Everything the provider reports, one after the other."""
    await provider.start(job_id)
    await provider.progress(job_id, 50, "Half of it printed")
    await provider.check_quality(job_id)
    await provider.ship(job_id, "DHL", f"00340434{job_id[-12:]}")
    await provider.deliver(job_id, "Left with the neighbour")


async def confirm_with_bank(url: str, *, approve: bool = True) -> None:
    """What the customer does on the simulator's 3-D Secure page, again when the page is away."""
    data = {"outcome": "approve" if approve else "fail"}
    async with httpx.AsyncClient(trust_env=False) as browser, asyncio.timeout(AUTHENTICATION_WITHIN_S):
        while True:
            try:
                page = await browser.post(url, data=data, follow_redirects=False)
            except httpx.TransportError:
                await asyncio.sleep(AGAIN_AFTER_S)
            else:
                if page.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                    return


async def pay_in_full(customer: Customer, order_id: str, card: str = "pm_card_visa") -> None:
    """Pay, and confirm with the bank when it asks."""
    attempt = await customer.pay(order_id, card, RETURN_URL)
    if attempt.next_action_url:
        await confirm_with_bank(attempt.next_action_url)
