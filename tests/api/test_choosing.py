"""What the customer chooses when a job is late or lost."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from fulfil.api.processes import ProcessEndedError
from fulfil.kit.clock import utc_now
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.promises import Choice, Trouble
from fulfil.models.tables.jobs import ProductionRow
from tests.api.making import job_in_hand
from tests.api.running import Api
from tests.api.world import Person, Sale, World


async def late_job(world: World, customer: Person, provider: Person) -> Sale:
    """A job that will be late, as its provider said."""
    sale = await job_in_hand(world, customer, provider, JobState.IN_PRODUCTION)
    async with world.begin() as session:
        trouble = {"trouble": Trouble.DELAY_ANNOUNCED, "proposed_due_at": utc_now() + timedelta(days=9)}
        await session.execute(update(ProductionRow).values(**trouble))
    return sale


@pytest.mark.parametrize("choice", list(Choice))
async def test_the_customers_choice_reaches_the_job_with_the_trouble_it_is_about(
    api: Api, world: World, customer: Person, provider: Person, choice: Choice
) -> None:
    sale = await late_job(world, customer, provider)
    body = {"choice": choice, "reason": "The fair is on Friday."}
    answers = [await api.post(f"/jobs/{sale.job_id}/choice", customer, json=body, key="c1") for _ in range(2)]
    [production] = await world.rows(ProductionRow)
    said = api.processes.said

    assert [answer.status_code for answer in answers] == [200, 200]
    assert {each.update_id for each in said} == {said[0].update_id}
    assert (said[0].message.choice, said[0].message.trouble) == (choice, Trouble.DELAY_ANNOUNCED)
    assert said[0].message.proposed_due_at == production.proposed_due_at


async def test_support_chooses_for_the_customer(
    api: Api, world: World, customer: Person, provider: Person, supporter: Person
) -> None:
    sale = await late_job(world, customer, provider)
    answer = await api.post(f"/jobs/{sale.job_id}/choice", supporter, json={"choice": "redispatch"})
    assert answer.status_code == 200
    assert api.processes.said[0].message.actor.id == supporter.account_id


async def test_without_trouble_there_is_nothing_to_choose(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.IN_PRODUCTION)
    answer = await api.post(f"/jobs/{sale.job_id}/choice", customer, json={"choice": "cancel"})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_trouble")
    assert (answer.json()["state"], answer.json()["allowed_actions"]) == ("in_production", [])
    assert not api.processes.said


async def test_a_choice_for_a_job_that_has_ended_says_so(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await late_job(world, customer, provider)
    api.processes.troubles["choose"] = ProcessEndedError(sale.job_id)
    answer = await api.post(f"/jobs/{sale.job_id}/choice", customer, json={"choice": "wait"})
    assert (answer.status_code, answer.json()["code"]) == (409, "job_ended")
