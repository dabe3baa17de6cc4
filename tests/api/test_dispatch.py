"""Why whom was asked, played again under another ranking; and a provider of support's choice."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from fulfil.api.processes import ProcessEndedError
from fulfil.kit.clock import utc_now
from fulfil.models.ids import new_id
from fulfil.models.messages.jobs import JobState, OfferState
from fulfil.models.tables.dispatch import DispatchDecisionRow
from fulfil.models.tables.jobs import OfferRow
from fulfil.ranking.deciding import decide, stored_candidates, stored_excluded, stored_work
from fulfil.ranking.facts import Lot, Place, ProviderFacts
from fulfil.ranking.rankings import DEFAULT
from tests.api.running import Api
from tests.api.world import Person, Sale, World
from tests.ranking.samples import WORK
from tests.ranking.samples import provider as hers

WHY = {"reason": "She promised it on the phone."}


async def keep(world: World, sale: Sale, crowd: list[ProviderFacts], *, asked: int) -> None:
    """The decision of the first wave."""
    decision = decide(WORK, crowd, DEFAULT)
    await world.add(
        DispatchDecisionRow(
            id=new_id("dec"),
            job_id=sale.job_id,
            round=1,
            wave=1,
            stage="wave",
            ranking=DEFAULT.key,
            work=stored_work(WORK),
            candidates=stored_candidates(decision),
            excluded=stored_excluded(decision),
            excluded_count=len(decision.excluded),
            asked=asked,
            decided_at=utc_now(),
        )
    )


@pytest.fixture
async def sale(world: World, customer: Person, provider: Person) -> Sale:
    """A job offered to the provider, who declined."""
    sale = await world.sale(customer, provider)
    async with world.begin() as session:
        closed = {"state": OfferState.DECLINED, "close_reason": "too_busy", "closed_at": utc_now()}
        await session.execute(update(OfferRow).values(**closed))
    return sale


async def explained(api: Api, person: Person, sale: Sale, **params: str) -> dict[str, Any]:
    """The only decision."""
    response = await api.get(f"/jobs/{sale.job_id}/dispatch", person, params=params)
    assert response.status_code == 200, response.text
    [decision] = response.json()["decisions"]
    return dict(decision)


async def test_a_decision_tells_who_was_asked_why_and_what_she_answered(
    api: Api, world: World, sale: Sale, provider: Person, rival: Person, supporter: Person
) -> None:
    asked = hers(id=provider.owner_id, score=90)
    left_out = hers(id=rival.owner_id, lots=(Lot("", "g", 1),))
    await keep(world, sale, [asked, left_out], asked=1)

    decision = await explained(api, supporter, sale)

    assert (decision["ranking"], decision["asked"], decision["left_out_count"]) == ("balanced.1", 1, 1)
    [first] = decision["candidates"]
    assert (first["position"], first["provider_name"], first["asked"]) == (1, "Printworks", True)
    assert (first["answer"], first["close_reason"], first["replayed"]) == ("declined", "too_busy", None)
    assert first["answered_at"] is not None
    assert {"name": "score", "points": 36_000, "most": 40_000, "sentence": "Score 90."} in first["parts"]
    assert sum(part["points"] for part in first["parts"]) == first["points"]
    [out] = decision["left_out"]
    assert (out["provider_id"], out["code"]) == (rival.owner_id, "stock_short")


async def test_another_ranking_on_the_same_facts_stands_beside_it(
    api: Api, world: World, sale: Sale, supporter: Person
) -> None:
    near, good = hers(id="prv_1", place=WORK.place, score=10), hers(id="prv_2", place=Place(0, 0), score=90)
    await keep(world, sale, [near, good], asked=1)

    decision = await explained(api, supporter, sale, ranking="nearest")

    seen = {one["provider_id"]: (one["position"], one["asked"], one["replayed"]) for one in decision["candidates"]}
    assert seen["prv_2"][:2] == (1, True)
    assert (seen["prv_1"][2]["position"], seen["prv_1"][2]["moved"], seen["prv_1"][2]["would_be_asked"]) == (1, 1, True)
    assert (seen["prv_2"][2]["position"], seen["prv_2"][2]["moved"]) == (2, -1)
    assert seen["prv_1"][2]["parts"][0]["sentence"] == "0 km from the customer."


async def test_an_offer_that_was_opened_again_on_the_board_had_expired_in_its_wave(
    api: Api, world: World, sale: Sale, provider: Person, supporter: Person
) -> None:
    await keep(world, sale, [hers(id=provider.owner_id)], asked=1)
    async with world.begin() as session:
        await session.execute(update(OfferRow).values(stage="open_board", wave=4))

    [first] = (await explained(api, supporter, sale))["candidates"]

    assert (first["answer"], first["answered_at"]) == ("expired", None)


async def test_an_unknown_ranking_is_named_with_those_there_are(api: Api, sale: Sale, supporter: Person) -> None:
    response = await api.get(f"/jobs/{sale.job_id}/dispatch", supporter, params={"ranking": "cheapest"})
    assert (response.status_code, response.json()["code"]) == (422, "ranking_unknown")
    assert "balanced, fairest, nearest" in response.json()["detail"]


async def test_support_asks_a_provider_of_her_choice(
    api: Api, world: World, sale: Sale, rival: Person, supporter: Person
) -> None:
    body = {"provider_id": rival.owner_id, **WHY}
    first = await api.post(f"/support/jobs/{sale.job_id}/offer", supporter, json=body, key="o1")
    again = await api.post(f"/support/jobs/{sale.job_id}/offer", supporter, json=body, key="o1")

    assert (first.status_code, first.json()["provider_id"]) == (201, rival.owner_id), first.text
    assert again.json()["offer_id"] == first.json()["offer_id"]
    assert len({said.update_id for said in api.processes.said}) == 1
    assert api.processes.said[0].message.reason == WHY["reason"]
    chosen = OfferRow(
        id=first.json()["offer_id"],
        job_id=sale.job_id,
        provider_id=rival.owner_id,
        round=1,
        stage="operator",
        wave=1,
        rank=1,
        reasons=["Chosen by support."],
        state=OfferState.OPEN,
        offered_at=utc_now(),
        expires_at=utc_now() + timedelta(hours=72),
    )
    await world.add(chosen)
    told = (await api.get(f"/jobs/{sale.job_id}/dispatch", supporter)).json()["chosen_by_support"]
    assert [(one["provider_id"], one["answer"]) for one in told] == [(rival.owner_id, "open")]


async def test_who_can_not_be_asked_is_a_conflict_with_the_reason(
    api: Api, sale: Sale, rival: Person, supporter: Person
) -> None:
    body = {"provider_id": rival.owner_id, **WHY}
    api.processes.choice_refusal = "stock_short"
    refused = await api.post(f"/support/jobs/{sale.job_id}/offer", supporter, json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "stock_short")
    assert (refused.json()["state"], refused.json()["allowed_actions"]) == ("offered", ["redispatch"])

    api.processes.troubles["offer_to"] = ProcessEndedError("ended")
    ended = await api.post(f"/support/jobs/{sale.job_id}/offer", supporter, json=body)
    assert (ended.status_code, ended.json()["code"], ended.json()["state"]) == (409, "job_ended", JobState.OFFERED)
