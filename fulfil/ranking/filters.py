"""The hard filters: who can't be asked at all, each a small function that names the reason."""

from collections.abc import Callable
from dataclasses import replace
from operator import le

from fulfil.models.messages.inventory import StockUnit
from fulfil.models.money import format_money
from fulfil.ranking.facts import Lot, ProviderFacts, Refusal, WorkFacts
from fulfil.ranking.standing import standing_blocks
from fulfil.ranking.working_days import working_days

Filter = Callable[[WorkFacts, ProviderFacts], Refusal | None]

GRAM, SHEET = StockUnit.GRAM.value, StockUnit.SHEET.value
LEAD_DAYS_PER_WORKING_DAY = 3
"""Of so many days of lead time a provider has to be able to work on one."""


def standing(work: WorkFacts, provider: ProviderFacts) -> Refusal | None:
    """She is verified, not suspended, can be paid, her required certificates are in force, and she is online."""
    for block in standing_blocks(provider.standing, work.asked_at):
        return Refusal(block.code, block.detail)
    return None


def standing_at_acceptance(work: WorkFacts, provider: ProviderFacts) -> Refusal | None:
    """As `standing`; who has gone offline may still accept what she was offered."""
    if provider.standing.online:
        return standing(work, provider)
    return standing(work, replace(provider, standing=replace(provider.standing, online=True)))


def capability(work: WorkFacts, provider: ProviderFacts) -> Refusal | None:
    """She does this process in this material."""
    if work.material in provider.materials or not set(work.materials).isdisjoint(provider.materials):
        return None
    return Refusal("not_capable", f"She does not make {work.process} in {work.material}.")


def machine_fit(work: WorkFacts, provider: ProviderFacts) -> Refusal | None:
    """One of her machines is running, takes the material, and the largest part fits it, turned if need be.

    Without machines on record for the process she is not asked about them.
    """
    if not provider.machines or fitting_machines(work, provider):
        return None
    if not any(machine.online for machine in provider.machines):
        return Refusal("machines_offline", f"All her machines for {work.process} are out of use.")
    size = "" if work.box_mm is None else f" a part of {_size(work.box_mm)} in"
    return Refusal("part_does_not_fit", f"None of her machines in use takes{size} {work.material}.")


def material_in_stock(work: WorkFacts, provider: ProviderFacts) -> Refusal | None:
    """One lot of the material, in the colour asked for, has enough in its own unit."""
    if best_lot(work, provider) is not None:
        return None
    coloured = "" if work.colour is None else f"{work.colour} "
    return Refusal("stock_short", f"No lot of {coloured}{work.material} has the {needed(work)} it takes.")


def calendar(work: WorkFacts, provider: ProviderFacts) -> Refusal | None:
    """She works before production has to begin, and on enough days before the work is due."""
    if working_days(provider, work.asked_at, work.start_by, 1) < 1:
        return Refusal("closed_at_start", f"She does not work before {work.start_by:%Y-%m-%d}, when it has to begin.")
    enough = days_needed(work)
    days = working_days(provider, work.asked_at, work.needed_by, enough)
    if days >= enough:
        return None
    return Refusal("calendar_full", f"She works on {days} days until {work.needed_by:%Y-%m-%d}; it takes {enough}.")


def load(work: WorkFacts, provider: ProviderFacts) -> Refusal | None:
    """She has room for one more job."""
    del work
    if provider.open_jobs < provider.capacity_jobs:
        return None
    return Refusal("provider_full", f"{provider.open_jobs} of {provider.capacity_jobs} jobs are in hand.")


def newcomer(work: WorkFacts, provider: ProviderFacts) -> Refusal | None:
    """Until so many jobs are completed: one at a time, up to a value."""
    if provider.completed_jobs >= work.newcomer_jobs:
        return None
    if provider.open_jobs > 0:
        return Refusal("newcomer_limit", f"One job at a time until {work.newcomer_jobs} are completed.")
    if work.amount_minor > work.newcomer_limit_minor:
        limit = format_money(work.newcomer_limit_minor, work.currency)
        return Refusal(
            "newcomer_limit", f"Until {work.newcomer_jobs} jobs are completed, a job may be worth up to {limit}."
        )
    return None


def not_asked_before(work: WorkFacts, provider: ProviderFacts) -> Refusal | None:
    """She has neither been asked in this round, nor ever declined this job or lost it again."""
    del work
    if provider.had_it:
        return Refusal("had_the_job", "She had this job, and it was taken back.")
    if provider.declined:
        return Refusal("declined_before", "She declined this job.")
    return Refusal("asked_before", "She was asked in this round already.") if provider.asked else None


OFFERING: tuple[Filter, ...] = (
    *(not_asked_before, standing, capability, load, newcomer),
    *(material_in_stock, machine_fit, calendar),
)
"""What a wave and the open board ask."""
BY_SUPPORT: tuple[Filter, ...] = (standing, capability, material_in_stock, machine_fit, calendar)
"""What holds even for whom support chooses."""
ACCEPTING: tuple[Filter, ...] = (standing_at_acceptance, load, newcomer)
"""What is looked at again when she accepts."""
ACCEPTING_BY_SUPPORT: tuple[Filter, ...] = (standing_at_acceptance,)


def refusal_of(work: WorkFacts, provider: ProviderFacts, filters: tuple[Filter, ...] = OFFERING) -> Refusal | None:
    """The first reason that speaks against her; None when nothing does."""
    for check in filters:
        refusal = check(work, provider)
        if refusal is not None:
            return refusal
    return None


def fitting_machines(work: WorkFacts, provider: ProviderFacts) -> int:
    """How many of her machines are in use, take the material and hold the largest part, whichever way it is turned."""
    found = 0
    material, box = work.material, work.box_mm
    for machine in provider.machines:
        taken = machine.materials
        if not machine.online or (taken and material not in taken and set(taken).isdisjoint(work.materials)):
            continue
        # A bed has no height: a flat part lies on it; a part without height fits any printer that holds its two sides.
        if box is None or all(map(le, box, machine.volume_mm)):
            found += 1
    return found


def best_lot(work: WorkFacts, provider: ProviderFacts) -> Lot | None:
    """The lot with most to spare of what is needed; None when none alone has enough."""
    best, most = None, -1
    for lot in provider.lots:
        if work.colour is None or work.colour == lot.colour:
            spare = spare_of(lot, work)
            if spare > most:
                best, most = lot, spare
    return best


def spare_of(lot: Lot, work: WorkFacts) -> int:
    """How much more than needed there is, in thousandths of the need; below zero when it is not enough."""
    wanted = quantity_in(work, lot.unit)
    return -1 if wanted is None else (lot.free - wanted) * 1000 // wanted


def quantity_in(work: WorkFacts, unit: str) -> int | None:
    """How much a lot counted in this unit has to give; None when the need can't be counted so."""
    if unit == GRAM:
        return work.grams or None
    return (work.sheets if unit == SHEET else work.quantity) or None


def needed(work: WorkFacts) -> str:
    """`120 g`, or how many sheets if it can be counted so."""
    sheets = f" or {work.sheets} sheets" if work.sheets else ""
    return f"{work.grams} g{sheets}"


def days_needed(work: WorkFacts) -> int:
    """On how many days she has to be able to work."""
    return max(1, work.lead_time_days // LEAD_DAYS_PER_WORKING_DAY)


def _size(box: tuple[float, ...]) -> str:
    return " x ".join(f"{side:g}" for side in box) + " mm"
