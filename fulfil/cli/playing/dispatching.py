"""What people do while a provider is looked for, beyond accepting and declining."""

from collections.abc import Mapping
from dataclasses import dataclass

from fulfil.api.schemas.dispatch import CounterOffer, CounterOffers, Dispatch, OfferByChoice
from fulfil.api.schemas.jobs import Offer
from fulfil.cli.client import ApiClient


@dataclass(frozen=True)
class Dispatching:
    """Offers, counter-offers and decisions, as whoever is signed in may see and make them."""

    api: ApiClient

    async def offer(self, offer_id: str) -> Offer:
        """One offer."""
        return await self.api.get(Offer, f"/offers/{offer_id}")

    async def counter(self, offer_id: str, terms: Mapping[str, object], key: str | None = None) -> CounterOffer:
        """Offer another date or a lower price."""
        return await self.api.post(CounterOffer, f"/offers/{offer_id}/counter", terms, key=key)

    async def counter_offers(self, job_id: str) -> list[CounterOffer]:
        """What providers would do instead, newest first."""
        return (await self.api.get(CounterOffers, f"/jobs/{job_id}/counter-offers")).data

    async def answer_counter(self, counter_id: str, action: str, key: str | None = None) -> CounterOffer:
        """Take it (`accept`), decline it, or withdraw it."""
        return await self.api.post(CounterOffer, f"/counter-offers/{counter_id}/{action}", key=key)

    async def dispatch(self, job_id: str, ranking: str | None = None) -> Dispatch:
        """Why whom was asked, and how another ranking would have asked."""
        return await self.api.get(Dispatch, f"/jobs/{job_id}/dispatch", ranking=ranking)

    async def offer_job(self, job_id: str, provider_id: str, reason: str, key: str | None = None) -> OfferByChoice:
        """Ask a provider of support's choice."""
        body = {"provider_id": provider_id, "reason": reason}
        return await self.api.post(OfferByChoice, f"/support/jobs/{job_id}/offer", body, key=key)
