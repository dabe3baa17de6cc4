"""The least the processes of an order need to come to a provider who has the job: activities that touch nothing."""

import sys
import time
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from fulfil.models.ids import derived_id
from fulfil.models.messages.jobs import (
    AcceptanceOutcome,
    AcceptanceSecured,
    OfferedTo,
    OfferWave,
    Remind,
    SecureAcceptance,
    Stage,
    StartJob,
)
from fulfil.models.messages.orders import (
    LineKind,
    LineOpened,
    LinesOpened,
    OpenLines,
    OrderPlaced,
    PlacedLine,
    StartOrder,
)
from fulfil.workflows.ids import ORDERS, job_workflow_id

REVISION = 2
OFFERS = 5
PROMISED_WITHIN = timedelta(days=5)
REMINDED = "reminded"


def line_id_of(order_id: str) -> str:
    """The only line of an order."""
    return derived_id("lin", order_id)


def job_id_of(order_id: str) -> str:
    """Its job."""
    return derived_id("job", order_id)


def offers_of(job_id: str) -> list[OfferedTo]:
    """The first wave: the first of them accepts."""
    return [
        OfferedTo(offer_id=derived_id("off", job_id, str(place)), provider_id=derived_id("prv", str(place)))
        for place in range(OFFERS)
    ]


class Effects:
    """Everything succeeds at once; reminders are told on standard output, with the time."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @activity.defn(name="place_order")
    async def place_order(self, request: StartOrder) -> OrderPlaced:
        """Payable."""
        line = PlacedLine(line_id=line_id_of(request.order_id), kind=LineKind.MADE_TO_ORDER)
        due_at = datetime.now(UTC) + timedelta(seconds=request.policies.payment_due_s)
        return OrderPlaced(
            order_id=request.order_id,
            line_id=line.line_id,
            lines=(line,),
            payment_intent_id="pi_1",
            amount_minor=1299,
            payment_due_at=due_at,
        )

    @activity.defn(name="open_lines")
    async def open_lines(self, request: OpenLines) -> LinesOpened:
        """Offered to some."""
        job_id, line_id = job_id_of(request.order_id), request.lines[0].line_id
        ends_at = datetime.now(UTC) + timedelta(seconds=request.policies.offer_wave_s)
        wave = OfferWave(stage=Stage.WAVE, number=1, offers=offers_of(job_id), ends_at=ends_at)
        start = StartJob(
            job_id=job_id,
            order_id=request.order_id,
            line_id=line_id,
            policies=request.policies,
            wave=wave,
            revision=REVISION,
        )
        await self._client.start_workflow(
            "Job",
            start,
            id=job_workflow_id(job_id),
            task_queue=ORDERS,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        return LinesOpened(lines=(LineOpened(line_id=line_id, kind=LineKind.MADE_TO_ORDER, job_id=job_id),))

    @activity.defn(name="secure_acceptance")
    async def secure_acceptance(self, request: SecureAcceptance) -> AcceptanceSecured:
        """Hers, promised for a few days later."""
        return AcceptanceSecured(
            job_id=request.job_id,
            offer_id=request.offer_id,
            provider_id=request.provider_id,
            outcome=AcceptanceOutcome.SECURED,
            due_at=datetime.now(UTC) + PROMISED_WITHIN,
        )

    @activity.defn(name="remind")
    async def remind(self, request: Remind) -> None:
        """A timer has fired: of which job, by when production has to begin, and now."""
        sys.stdout.write(f"{REMINDED} {request.job_id} {request.by.timestamp():.3f} {time.time():.3f}\n")
        sys.stdout.flush()
