"""One command on a deliverable, from its lock to what it looks like afterwards; a route names only what it writes."""

from collections.abc import Awaitable, Callable

from fulfil.api.access import Principal
from fulfil.api.context import ApiContext
from fulfil.api.errors import not_found
from fulfil.api.intentions import Intention
from fulfil.api.readers.deliverables import find_deliverable
from fulfil.api.schemas.deliverables import Deliverable
from fulfil.api.writers.deliverables import HeldDeliverable, deliverable_of, take_in_hand
from fulfil.models.tables.deliverables import MilestoneRow

Command = Callable[[HeldDeliverable], Awaitable[None]]
MilestoneCommand = Callable[[HeldDeliverable, MilestoneRow], Awaitable[None]]


async def command(
    context: ApiContext, caller: Principal, deliverable_id: str, intention: Intention, write: Command
) -> Deliverable:
    """Carry it out in one transaction under the deliverable's lock; a repeated one changes nothing."""
    async with context.begin() as session:
        held = await take_in_hand(session, caller, deliverable_id, intention, context.clock())
        if held is not None:
            await write(held)
    return await look(context, caller, deliverable_id)


async def command_milestone(
    context: ApiContext, caller: Principal, milestone_id: str, intention: Intention, write: MilestoneCommand
) -> Deliverable:
    """The same, for one milestone; raises 404 for a stranger's."""
    async with context.begin() as session:
        deliverable_id = await deliverable_of(session, caller, milestone_id)

    async def write_milestone(held: HeldDeliverable) -> None:
        await write(held, held.milestone(milestone_id))

    return await command(context, caller, deliverable_id, intention, write_milestone)


async def look(context: ApiContext, caller: Principal, deliverable_id: str) -> Deliverable:
    """A deliverable as it stands; raises 404 for a stranger's."""
    async with context.begin() as session:
        found = await find_deliverable(session, caller, deliverable_id)
    if found is None:
        raise not_found("deliverable")
    return found
