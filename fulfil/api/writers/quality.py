"""The quality check: every required criterion of the process answered; what fails is put right or made anew."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.errors import invalid
from fulfil.api.intentions import Intention
from fulfil.api.schemas.production import Quality, QualityCheckItem
from fulfil.api.writers.making import lease_end
from fulfil.api.writers.production import InHand, add_report, check_photos, take_in_hand, tell
from fulfil.inventory.leases import NothingReservedError, reserve_more
from fulfil.models.ids import new_id
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.jobs import JobState, ReportKind
from fulfil.models.messages.orders import DeliveryMethod
from fulfil.models.messages.parties import WaitingOn
from fulfil.models.messages.quality import Checklist, Criterion, checklist_of
from fulfil.models.messages.shipments import Correction
from fulfil.models.tables.shipments import QualityCheckRow

ADVICE = {
    Correction.REWORK: "correct the parts and check them again",
    Correction.REMAKE: "make the parts anew and check them",
}


async def write_check(
    session: AsyncSession, provider: Principal, job_id: str, quality: Quality, intention: Intention, at: datetime
) -> None:
    """Store the check; passed, the job is ready, failed, it stays in production on the same clock.

    Raises 422 for criteria that are unknown, named twice, missing or without their photo, and 409 when a remake takes
    more material than there is.
    """
    held = await take_in_hand(session, provider, job_id, intention, at)
    if held is None:
        return
    held.require("quality check", JobState.IN_PRODUCTION)
    answers = answered(quality, checklist_of(held.line.process))
    passed = all(item.passed for _, item in answers)
    correction = _correction(quality, passed=passed)
    photos = [*quality.photo_file_ids, *(photo for _, item in answers for photo in item.photo_file_ids)]
    await check_photos(held, photos)
    criteria = [_as_stored(criterion, item) for criterion, item in answers]
    number = await _store(held, provider, criteria, correction, passed=passed)
    data = {
        "number": number,
        "passed": passed,
        "checks": criteria,
        "correction": correction,
        "photo_file_ids": list(dict.fromkeys(photos)),
    }
    await add_report(held, ReportKind.QUALITY, data, moves_clock=False)
    held.production.reported_at = at
    if correction is None:
        await _pass(held, data)
    else:
        await _correct(held, correction, quality, data)


def answered(quality: Quality, checklist: Checklist) -> list[tuple[Criterion, QualityCheckItem]]:
    """Each answer with its criterion, in the checklist's order; 422 for what does not fit the checklist."""
    found: dict[str, QualityCheckItem] = {}
    for position, item in enumerate(quality.checks):
        criterion = _named(item, checklist.criteria)
        if criterion is None:
            known = ", ".join(each.code for each in checklist.criteria)
            detail = f"{item.code or item.name} is not looked at in {checklist.process}: answer {known}."
            raise invalid("quality_criterion_unknown", detail, f"checks.{position}.{'code' if item.code else 'name'}")
        if criterion.code in found:
            raise invalid(
                "quality_criterion_twice", f"{criterion.code} is answered twice: once is enough.", f"checks.{position}"
            )
        if criterion.photo_required and not item.photo_file_ids:
            raise invalid(
                "quality_photo_missing",
                f"{criterion.title} needs a photo: upload it and name it here.",
                f"checks.{position}.photo_file_ids",
            )
        found[criterion.code] = item
    missing = [each.code for each in checklist.criteria if each.required and each.code not in found]
    if missing:
        raise invalid("quality_criteria_missing", f"Not answered: {', '.join(missing)}.", "checks")
    return [(each, found[each.code]) for each in checklist.criteria if each.code in found]


def _named(item: QualityCheckItem, criteria: Sequence[Criterion]) -> Criterion | None:
    asked = (item.code or item.name or "").casefold()
    return next((each for each in criteria if asked in (each.code, each.title.casefold())), None)


def _correction(quality: Quality, *, passed: bool) -> Correction | None:
    if quality.passed is not None and quality.passed != passed:
        failed = "every criterion passed" if passed else "a criterion failed"
        raise invalid("quality_contradiction", f"passed contradicts the checks: {failed}.", "passed")
    if passed and quality.correction is not None:
        raise invalid("quality_contradiction", "Nothing failed: there is nothing to correct.", "correction")
    correction = None if passed else quality.correction or Correction.REWORK
    if quality.remake_quantity and correction is not Correction.REMAKE:
        raise invalid("quality_contradiction", "Only a remake takes more material.", "remake_quantity")
    return correction


def _as_stored(criterion: Criterion, item: QualityCheckItem) -> dict[str, Any]:
    return {
        "code": criterion.code,
        "name": criterion.title,
        "passed": item.passed,
        "note": item.note,
        "photo_file_ids": list(item.photo_file_ids),
    }


async def _store(
    held: InHand, provider: Principal, criteria: list[dict[str, Any]], correction: Correction | None, *, passed: bool
) -> int:
    of_offer = select(func.count()).where(QualityCheckRow.offer_id == held.production.offer_id)
    number = (await held.session.scalar(of_offer) or 0) + 1
    held.session.add(
        QualityCheckRow(
            id=new_id("chk"),
            job_id=held.production.job_id,
            offer_id=held.production.offer_id,
            number=number,
            passed=passed,
            criteria=criteria,
            correction=correction,
            checked_by=provider.account_id,
            checked_at=held.at,
        )
    )
    return number


async def _pass(held: InHand, data: dict[str, Any]) -> None:
    production = held.production
    production.state = JobState.READY
    production.percent = 100
    production.quality_passed_at = held.at
    picked_up = held.order.delivery_method == DeliveryMethod.PICKUP
    what = "say that they can be picked up" if picked_up else "ship the parts"
    next_step = NextStep(who=WaitingOn.PROVIDER, what=what, by=production.due_at)
    await tell(held, EventType.JOB_QUALITY_PASSED, data, next_step)


async def _correct(held: InHand, correction: Correction, quality: Quality, data: dict[str, Any]) -> None:
    production = held.production
    if correction is Correction.REMAKE:
        production.percent = 0
        production.stage = None
        production.remakes += 1
        if quality.remake_quantity:
            await _reserve_more(held, quality.remake_quantity)
    next_step = NextStep(who=WaitingOn.PROVIDER, what=ADVICE[correction], by=production.due_at)
    await tell(held, EventType.JOB_QUALITY_FAILED, data, next_step)
    if correction is Correction.REMAKE:
        await tell(held, EventType.JOB_REMAKE_BEGUN, {"reason": "quality", "remakes": production.remakes}, next_step)


async def _reserve_more(held: InHand, quantity: int) -> None:
    try:
        reserved = await reserve_more(
            held.session,
            offer_id=held.production.offer_id,
            quantity=quantity,
            expires_at=lease_end(held),
            at=held.at,
            reason="remake",
            actor=held.actor,
        )
    except NothingReservedError:
        raise held.refuse("nothing_reserved", "No material of yours is reserved for this job.") from None
    if not reserved:
        raise held.refuse(
            "material_insufficient", "You have not that much of it: receive stock first, or give the job back."
        )
