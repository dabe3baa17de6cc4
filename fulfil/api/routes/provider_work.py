"""What a provider works with and when: machines, working hours, closures."""

from http import HTTPStatus

from fastapi import APIRouter

from fulfil.api.dependencies import Context, IdempotencyKey
from fulfil.api.documentation import API, PROVIDERS, problems
from fulfil.api.intentions import intend
from fulfil.api.provider_access import Keeper, Reader, existing, known_provider
from fulfil.api.readers.provider_work import find_calendar, find_closure, find_machine
from fulfil.api.readers.provider_work import list_closures as read_closures
from fulfil.api.readers.provider_work import list_machines as read_machines
from fulfil.api.schemas.provider_work import (
    Calendar,
    Closure,
    Closures,
    Machine,
    Machines,
    NewCalendar,
    NewClosure,
    NewMachine,
)
from fulfil.api.writers.idempotency import claim
from fulfil.api.writers.provider_work import (
    remove_closure,
    remove_machine,
    replace_machine,
    write_calendar,
    write_closure,
    write_machine,
)
from fulfil.models.ids import ClosureId, MachineId, ProviderId, new_id

router = APIRouter(prefix=f"{API}/providers/{{provider_id}}", tags=[PROVIDERS])


@router.post("/machines", status_code=HTTPStatus.CREATED, responses=problems(401, 403, 404, 409))
async def add_machine(
    context: Context, caller: Keeper, provider_id: ProviderId, new: NewMachine, key: IdempotencyKey = None
) -> Machine:
    """Enter a machine: from now on she is offered work of its process only if it fits one of her machines."""
    intention = intend(caller, key, f"add_machine:{provider_id}", new)
    async with context.begin() as session:
        await known_provider(session, caller, provider_id)
        claimed = await claim(session, intention, new_id("mac"), context.clock())
        if not claimed.repeated:
            await write_machine(session, claimed.resource_id, provider_id, new, context.clock())
        return existing(await find_machine(session, provider_id, claimed.resource_id), "machine")


@router.get("/machines", responses=problems(401, 403, 404))
async def list_machines(context: Context, caller: Reader, provider_id: ProviderId) -> Machines:
    """Her machines, in the order they were entered."""
    async with context.begin() as session:
        await known_provider(session, caller, provider_id)
        return Machines(data=await read_machines(session, provider_id))


@router.put("/machines/{machine_id}", responses=problems(401, 403, 404))
async def replace_machine_facts(
    context: Context, caller: Keeper, provider_id: ProviderId, machine_id: MachineId, new: NewMachine
) -> Machine:
    """Say what the machine is now; `online` false while it is being repaired."""
    async with context.begin() as session:
        await known_provider(session, caller, provider_id)
        await replace_machine(session, provider_id, machine_id, new)
        return existing(await find_machine(session, provider_id, machine_id), "machine")


@router.delete("/machines/{machine_id}", status_code=HTTPStatus.NO_CONTENT, responses=problems(401, 403, 404))
async def delete_machine(context: Context, caller: Keeper, provider_id: ProviderId, machine_id: MachineId) -> None:
    """She has it no more."""
    async with context.begin() as session:
        await known_provider(session, caller, provider_id)
        await remove_machine(session, provider_id, machine_id)


@router.get("/calendar", responses=problems(401, 403, 404))
async def get_calendar(context: Context, caller: Reader, provider_id: ProviderId) -> Calendar:
    """When she works: time zone, hours per weekday, closures that are not over."""
    async with context.begin() as session:
        await known_provider(session, caller, provider_id)
        return existing(await find_calendar(session, provider_id, context.clock()), "provider")


@router.put("/calendar", responses=problems(401, 403, 404))
async def set_calendar(context: Context, caller: Keeper, provider_id: ProviderId, calendar: NewCalendar) -> Calendar:
    """Set time zone and hours per weekday; closures stay."""
    async with context.begin() as session:
        await known_provider(session, caller, provider_id)
        await write_calendar(session, provider_id, calendar)
        return existing(await find_calendar(session, provider_id, context.clock()), "provider")


@router.post("/closures", status_code=HTTPStatus.CREATED, responses=problems(401, 403, 404, 409))
async def add_closure(
    context: Context, caller: Keeper, provider_id: ProviderId, new: NewClosure, key: IdempotencyKey = None
) -> Closure:
    """Say when she will not work: nothing is offered to her that she could not make in time because of it."""
    intention = intend(caller, key, f"add_closure:{provider_id}", new)
    async with context.begin() as session:
        await known_provider(session, caller, provider_id)
        claimed = await claim(session, intention, new_id("clo"), context.clock())
        if not claimed.repeated:
            await write_closure(session, claimed.resource_id, provider_id, new, context.clock())
        return existing(await find_closure(session, provider_id, claimed.resource_id), "closure")


@router.get("/closures", responses=problems(401, 403, 404))
async def list_closures(context: Context, caller: Reader, provider_id: ProviderId) -> Closures:
    """Closures that are not over, the next one first."""
    async with context.begin() as session:
        await known_provider(session, caller, provider_id)
        return Closures(data=await read_closures(session, provider_id, context.clock()))


@router.delete("/closures/{closure_id}", status_code=HTTPStatus.NO_CONTENT, responses=problems(401, 403, 404))
async def delete_closure(context: Context, caller: Keeper, provider_id: ProviderId, closure_id: ClosureId) -> None:
    """She works then after all."""
    async with context.begin() as session:
        await known_provider(session, caller, provider_id)
        await remove_closure(session, provider_id, closure_id)
