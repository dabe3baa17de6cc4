"""What support sees and does."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from fulfil.api.schemas.base import Body, Instant, Reason, Representation
from fulfil.models.ids import DeliverableId, JobId
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.parties import WaitingOn
from fulfil.models.messages.support import ResolutionAction


class Intervention(Body):
    """Why support steps in."""

    reason: Reason


class Redispatch(Body):
    """Why a job is taken from its provider, and which, when the order has several."""

    reason: Reason
    job_id: JobId | None = None


class ResetRequest(Body):
    """Run a workflow again from before a step; by default from before the parked one.

    `job_id` names the job or deliverable when several have the step.
    """

    reason: Reason
    job_id: JobId | DeliverableId | None = None
    step: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,80}$")] | None = Field(
        None, examples=["secure_acceptance"]
    )


class StuckOrder(Representation):
    """An order that does not move by itself, and the safe next action.

    `step` is the refund or chargeback, for these kinds; `support` is a move that is support's, not late yet.
    """

    order_id: str
    order_state: OrderState
    kind: Literal["parked", "overdue", "support", "refund", "chargeback"]
    step: str
    cause: str
    owner: WaitingOn = Field(description="Whose move it is.")
    since: Instant
    workflow_id: str | None
    allowed_actions: list[str]
    next_action: str
    command: str = Field(examples=["fulfil support retry ord_… --reason '…'"])


class StuckOrders(Representation):
    """Everything that is stuck, the longest first."""

    data: list[StuckOrder]


class Resolved(Representation):
    """The parked step moves on."""

    order_id: str
    workflow_id: str
    step: str
    action: ResolutionAction


class Redispatched(Representation):
    """The job is offered anew."""

    order_id: str
    job_id: str


class WorkflowReset(Representation):
    """The workflow runs again from before `step`, as a new run."""

    order_id: str
    workflow_id: str
    step: str
    from_run_id: str
    to_run_id: str
