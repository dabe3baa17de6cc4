"""The making of a job as customer, provider and support see it: dates, trouble, checks, parcels, pickup."""

from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.actions import Handing
from fulfil.api.pickup_codes import pickup_code
from fulfil.api.readers.shipments import read_shipments
from fulfil.api.schemas.jobs import Making, Production
from fulfil.api.schemas.production import (
    CheckedCriterion,
    CriterionOfJob,
    LateJob,
    LateJobs,
    Pickup,
    QualityCheck,
    TroubleOfJob,
)
from fulfil.forecasts.reported import forecast_production, forecast_productions
from fulfil.models.messages.jobs import JobState, ReportKind
from fulfil.models.messages.orders import DeliveryMethod
from fulfil.models.messages.parties import Role
from fulfil.models.messages.promises import Choice, Trouble
from fulfil.models.messages.quality import checklist_of
from fulfil.models.messages.shipments import Correction, ShipmentState
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.jobs import JobReportRow, JobRow, ProductionRow
from fulfil.models.tables.orders import OrderLineRow, OrderRow
from fulfil.models.tables.shipments import QualityCheckRow

MOST_LATE = 500
NOT_WITH_CUSTOMER = (ShipmentState.LOST, ShipmentState.RETURNED)
NOT_SENT = (JobState.ACCEPTED, JobState.IN_PRODUCTION, JobState.READY)


def represent_production(row: ProductionRow) -> Production:
    """How far the work is."""
    return Production(
        percent=row.percent,
        stage=row.stage,
        start_due_at=row.start_due_at,
        started_at=row.started_at,
        due_at=row.due_at,
        at_risk_at=row.at_risk_at,
        remakes=row.remakes,
        reported_at=row.reported_at,
        pickup_ready_at=row.pickup_ready_at,
        quality_passed_at=row.quality_passed_at,
        shipped_at=row.shipped_at,
        carrier=row.carrier,
        tracking_number=row.tracking_number,
        delivered_at=row.delivered_at,
    )


def trouble_of(row: ProductionRow) -> TroubleOfJob | None:
    """What the customer may choose about, if anything."""
    if row.trouble is None:
        return None
    return TroubleOfJob(
        kind=Trouble(row.trouble),
        answer_due_at=row.trouble_answer_due_at,
        proposed_due_at=row.proposed_due_at,
        choices=list(Choice),
    )


def handing_of(order: OrderRow, production: ProductionRow | None) -> Handing:
    """How the goods reach the customer, and whether they wait already."""
    return Handing(
        by_pickup=order.delivery_method == DeliveryMethod.PICKUP,
        waits_for_pickup=production is not None and production.pickup_ready_at is not None,
    )


async def read_making(
    session: AsyncSession,
    caller: Principal,
    line: OrderLineRow,
    production: ProductionRow | None,
    now: datetime,
    pickup_secret: str,
) -> Making:
    """Everything about one making; `pickup_secret` is what the customer's code comes from."""
    criteria = [CriterionOfJob(**each.model_dump()) for each in checklist_of(line.process).criteria]
    if production is None:
        return Making(
            forecast_at=None, checklist=criteria, checks=[], shipments=[], pieces_left=line.quantity, pickup=None
        )
    shipments = await read_shipments(session, job_id=production.job_id, offer_id=production.offer_id)
    sent = sum(parcel.pieces for parcel in shipments if parcel.state not in NOT_WITH_CUSTOMER)
    return Making(
        forecast_at=await forecast_production(session, production, now),
        checklist=criteria,
        checks=await _read_checks(session, caller, production.offer_id),
        shipments=shipments,
        pieces_left=line.quantity - sent,
        pickup=await _read_pickup(session, caller, production, pickup_secret),
    )


async def list_late(session: AsyncSession, now: datetime) -> LateJobs:
    """What is overdue, at risk, or waits for a customer's choice; the earliest date first, 500 at most."""
    found = await session.execute(
        select(ProductionRow, OrderLineRow.title, ProviderRow.name)
        .join(JobRow, JobRow.id == ProductionRow.job_id)
        .join(OrderLineRow, OrderLineRow.id == JobRow.line_id)
        .join(ProviderRow, ProviderRow.id == ProductionRow.provider_id)
        .where(
            ProductionRow.closed_at.is_(None),
            ProductionRow.state.in_(NOT_SENT),
            ProductionRow.pickup_ready_at.is_(None),
            or_(
                ProductionRow.trouble.is_not(None),
                ProductionRow.at_risk_at.is_not(None),
                ProductionRow.due_at < now,
            ),
        )
        .order_by(ProductionRow.due_at.nulls_last(), ProductionRow.offer_id)
        .limit(MOST_LATE)
    )
    rows = found.all()
    forecasts = await forecast_productions(session, [production for production, _, _ in rows], now)
    return LateJobs(
        data=[
            LateJob(
                job_id=production.job_id,
                order_id=production.order_id,
                provider_id=production.provider_id,
                provider_name=name,
                title=title,
                state=JobState(production.state),
                percent=production.percent,
                due_at=production.due_at,
                forecast_at=forecasts.get(production.offer_id),
                at_risk_at=production.at_risk_at,
                trouble=trouble_of(production),
            )
            for production, title, name in rows
        ]
    )


async def _read_checks(session: AsyncSession, caller: Principal, offer_id: str) -> list[QualityCheck]:
    rows = await session.scalars(
        select(QualityCheckRow).where(QualityCheckRow.offer_id == offer_id).order_by(QualityCheckRow.number.desc())
    )
    return [
        QualityCheck(
            number=row.number,
            passed=row.passed,
            correction=None if row.correction is None else Correction(row.correction),
            criteria=[_represent_criterion(criterion) for criterion in row.criteria],
            checked_at=row.checked_at,
            checked_by=None if caller.role is Role.CUSTOMER else row.checked_by,
        )
        for row in rows
    ]


def _represent_criterion(stored: dict[str, Any]) -> CheckedCriterion:
    return CheckedCriterion(
        code=stored["code"],
        title=stored["name"],
        passed=stored["passed"],
        note=stored["note"],
        photo_file_ids=stored["photo_file_ids"],
    )


async def _read_pickup(
    session: AsyncSession, caller: Principal, production: ProductionRow, secret: str
) -> Pickup | None:
    if production.pickup_ready_at is None:
        return None
    told = await session.scalar(
        select(JobReportRow.data).where(
            JobReportRow.offer_id == production.offer_id, JobReportRow.kind == ReportKind.PICKUP
        )
    )
    return Pickup(
        ready_at=production.pickup_ready_at,
        address=str((told or {}).get("address", "")),
        note=str((told or {}).get("note", "")),
        code=pickup_code(secret, production.offer_id) if caller.role is Role.CUSTOMER else None,
    )
