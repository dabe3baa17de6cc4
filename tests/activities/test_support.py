"""A parked step is visible until somebody moves it on, and every act leaves actor and reason."""

from datetime import datetime

from fulfil.models.messages.support import NoteParking, NoteResolution, ParkedStep, ResolutionAction, ResolveStep
from tests.activities.shop import SUPPORT, Shop


def parking(order_id: str, subject: str, step: str, since: datetime, number: int = 1) -> NoteParking:
    """What a workflow says when a step parks."""
    return NoteParking(
        order_id=order_id,
        subject=subject,
        workflow_id=f"order/{subject}",
        number=number,
        parked=ParkedStep(
            step=step,
            cause="transfer_refused: no account",
            since=since,
            allowed=[ResolutionAction.RETRY, ResolutionAction.SKIP],
        ),
    )


def resolution(parked: NoteParking) -> NoteResolution:
    """What it says when support moved it on."""
    return NoteResolution(
        order_id=parked.order_id,
        subject=parked.subject,
        workflow_id=parked.workflow_id,
        number=parked.number,
        step=parked.parked.step,
        resolution=ResolveStep(action=ResolutionAction.RETRY, actor=SUPPORT, reason="account completed"),
    )


async def stuck(shop: Shop) -> tuple[str | None, datetime | None, str | None, list[str] | None]:
    """What the projection shows as parked."""
    ((step, since, cause, allowed),) = await shop.sql(
        "SELECT stuck_step, stuck_since, stuck_cause, stuck_allowed FROM timelines"
    )
    return step, since, cause, allowed


NOTHING = (None, None, None, None)


async def test_a_parked_step_shows_cause_moment_and_what_may_be_done(shop: Shop) -> None:
    order = await shop.add_order()
    since = shop.clock()
    note = parking(order.order_id, order.order_id, "settle_job", since)

    await shop.support.note_parking(note)
    await shop.support.note_parking(note)

    assert await stuck(shop) == ("settle_job", since, "transfer_refused: no account", ["retry", "skip"])
    assert (await shop.events(order.order_id)).count("step.parked") == 1
    assert await shop.value("SELECT next_who FROM timelines") == "support"


async def test_resolving_it_leaves_actor_and_reason_and_clears_the_projection(shop: Shop) -> None:
    order = await shop.add_order()
    note = parking(order.order_id, order.order_id, "settle_job", shop.clock())
    await shop.support.note_parking(note)

    await shop.support.note_resolution(resolution(note))
    await shop.support.note_resolution(resolution(note))

    assert await stuck(shop) == NOTHING
    ((actor, data),) = await shop.sql("SELECT actor_id, data FROM events WHERE type = 'step.resolved'")
    assert actor == SUPPORT.id
    assert (data["action"], data["reason"]) == ("retry", "account completed")


async def test_a_parking_noted_late_does_not_come_back_after_its_resolution(shop: Shop) -> None:
    order = await shop.add_order()
    note = parking(order.order_id, order.order_id, "settle_job", shop.clock())
    await shop.support.note_parking(note)
    await shop.support.note_resolution(resolution(note))

    await shop.support.note_parking(note)

    assert await stuck(shop) == NOTHING


async def test_the_same_step_parks_again_and_again(shop: Shop) -> None:
    order = await shop.add_order()
    for number in (1, 2):
        note = parking(order.order_id, order.order_id, "settle_job", shop.clock(), number)
        await shop.support.note_parking(note)
        assert (await stuck(shop))[0] == "settle_job"
        await shop.support.note_resolution(resolution(note))
        assert await stuck(shop) == NOTHING
        shop.clock.advance(minutes=1)
    assert (await shop.events(order.order_id)).count("step.resolved") == 2


async def test_order_and_job_parked_at_once_are_shown_one_after_the_other(shop: Shop) -> None:
    order = await shop.add_order()
    of_order = parking(order.order_id, order.order_id, "return_payment", shop.clock())
    shop.clock.advance(minutes=1)
    of_job = parking(order.order_id, "job_1", "settle_job", shop.clock())
    await shop.support.note_parking(of_order)
    await shop.support.note_parking(of_job)
    assert (await stuck(shop))[0] == "settle_job"

    await shop.support.note_resolution(resolution(of_job))
    assert (await stuck(shop))[0] == "return_payment"

    await shop.support.note_resolution(resolution(of_order))
    assert await stuck(shop) == NOTHING


async def test_a_workflow_that_was_reset_may_park_under_the_same_number_again(shop: Shop) -> None:
    order = await shop.add_order()
    first = parking(order.order_id, order.order_id, "return_payment", shop.clock())
    await shop.support.note_parking(first)
    await shop.sql(
        "INSERT INTO events (order_id, sequence, business_key, type, at, actor_kind, actor_id, subject, data) "
        "SELECT order_id, last_sequence + 1, 'reset', 'support.reset', now(), 'support', 'x', order_id, '{}' "
        "FROM timelines"
    )
    await shop.sql("UPDATE timelines SET last_sequence = last_sequence + 1")
    shop.clock.advance(minutes=1)

    again = parking(order.order_id, order.order_id, "return_payment", shop.clock())
    await shop.support.note_parking(again)
    assert (await stuck(shop))[:2] == ("return_payment", shop.clock())

    await shop.support.note_resolution(resolution(again))
    assert await stuck(shop) == NOTHING


async def test_an_order_that_parked_before_it_was_written_has_no_timeline_to_write_to(shop: Shop) -> None:
    order_id = "ord_" + "0" * 32
    note = parking(order_id, order_id, "place_order", shop.clock())

    await shop.support.note_parking(note)
    await shop.support.note_resolution(resolution(note))

    assert await shop.value("SELECT count(*) FROM events") == 0
