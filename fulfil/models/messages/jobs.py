"""What is said to and by the job workflow: dispatch, production, delivery, approval."""

from datetime import datetime
from enum import StrEnum

from fulfil.models.ids import CounterOfferId, JobId, LineId, OfferId, OrderId, ProviderId
from fulfil.models.messages.base import Message
from fulfil.models.messages.parties import Actor
from fulfil.models.messages.policies import OrderPolicies


class JobState(StrEnum):
    """Where a job stands. From `accepted` on, the provider's reports move it (see ReportKind)."""

    PENDING = "pending"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    IN_PRODUCTION = "in_production"
    QUALITY_CHECK = "quality_check"
    READY = "ready"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    APPROVED = "approved"
    CLOSED = "closed"
    DECLINED_BY_ALL = "declined_by_all"
    FAILED = "failed"
    CANCELLED = "cancelled"


class OfferState(StrEnum):
    """One provider's chance at one job; exactly one offer of a job is ever `accepted` at a time."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    LOST = "lost"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class OfferedTo(Message):
    """An open offer as the job workflow knows it."""

    offer_id: OfferId
    provider_id: ProviderId


class Stage(StrEnum):
    """How a job is being offered."""

    WAVE = "wave"
    OPEN_BOARD = "open_board"
    OPERATOR = "operator"


class OfferWave(Message):
    """The offers of one wave (or of the open board) and when they end."""

    stage: Stage
    number: int
    offers: list[OfferedTo]
    ends_at: datetime


class StartJob(Message):
    """The job workflow's input: its first wave is already offered."""

    job_id: JobId
    order_id: OrderId
    line_id: LineId
    policies: OrderPolicies
    wave: OfferWave
    capture_due_at: datetime | None = None
    """An authorised payment nobody has earned yet is captured at this time, before the bank lets it go."""
    revision: int = 1
    """Which version of the process the job runs by; from 2 on dates are promised and watched."""


class OpenWave(Message):
    """Close what is open and offer the job to the next capable providers not asked before in this round."""

    job_id: JobId
    order_id: OrderId
    round: int
    stage: Stage
    number: int
    policies: OrderPolicies


class AcceptOffer(Message):
    """Update: a provider takes the job; `counter_id` when the customer takes what the provider offered instead."""

    offer_id: OfferId
    provider_id: ProviderId
    actor: Actor
    counter_id: CounterOfferId | None = None


class SecureAcceptance(Message):
    """Make a claim real: reserve the material, close the other offers, capture the payment."""

    job_id: JobId
    order_id: OrderId
    offer_id: OfferId
    provider_id: ProviderId
    actor: Actor
    policies: OrderPolicies
    counter_id: CounterOfferId | None = None


class AcceptanceOutcome(StrEnum):
    """`refused` leaves the job open to others; `payment_lost` ends the job; `withdrawn` came too late."""

    SECURED = "secured"
    REFUSED = "refused"
    PAYMENT_LOST = "payment_lost"
    WITHDRAWN = "withdrawn"


class AcceptanceSecured(Message):
    """What came of a claim; `code` and `detail` explain anything but `secured`."""

    job_id: JobId
    offer_id: OfferId
    provider_id: ProviderId
    outcome: AcceptanceOutcome
    code: str | None = None
    detail: str | None = None
    start_due_at: datetime | None = None
    due_at: datetime | None = None
    """When the work is promised to be ready; None for jobs of the first version of the process."""


class OfferTo(Message):
    """Update and part of an activity's input: support asks a provider of her choice."""

    provider_id: ProviderId
    actor: Actor
    reason: str


class OfferToProvider(Message):
    """Activity input: write the offer to the provider support chose, beside those that are open."""

    job_id: JobId
    order_id: OrderId
    round: int
    number: int
    choice: OfferTo
    policies: OrderPolicies


class ProviderOffered(Message):
    """The offer, or why she can't be asked (`code`, `detail`)."""

    offer: OfferedTo | None = None
    expires_at: datetime | None = None
    code: str | None = None
    detail: str | None = None


class DeclineOffer(Message):
    """Update: a provider says no; the wave ends early when all of it said no. `code` is a DeclineCode, if she said."""

    offer_id: OfferId
    provider_id: ProviderId
    actor: Actor
    reason: str = ""
    code: str = ""


class OfferDeclined(Message):
    """The offer is closed."""

    offer_id: OfferId


class ReportKind(StrEnum):
    """What a provider reports about the job in her hands."""

    STARTED = "started"
    PROGRESS = "progress"
    QUALITY = "quality"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    DELAYED = "delayed"
    REMAKE = "remake"
    GIVEN_UP = "given_up"
    LOST = "lost"
    MATERIAL = "material"
    PICKUP = "pickup"


class JobReported(Message):
    """Signal to the job: a report that moves its clocks was recorded at this time.

    These are started, delivered, delayed (`due_at` is the date the provider now promises), given up and lost. A report
    on the work of a provider who no longer has the job (`offer_id`) is no news.
    """

    report_id: str
    kind: ReportKind
    at: datetime
    due_at: datetime | None = None
    offer_id: OfferId | None = None


class ApproveJob(Message):
    """Update: the customer accepts what was delivered; the recorded delivery travels with it."""

    actor: Actor
    delivered_at: datetime


class JobApproved(Message):
    """The approval is recorded; the money is released next."""

    job_id: JobId
    approved_at: datetime


class WithdrawJob(Message):
    """Take a job back before production starts: offers withdrawn, material released."""

    job_id: JobId
    order_id: OrderId
    actor: Actor
    reason: str
    whole_order: bool = True
    """False when one line is cancelled and the others go on."""


class JobWithdrawal(Message):
    """`withdrawn` False: production has started, the job stays."""

    job_id: JobId
    withdrawn: bool
    state: JobState


class RedispatchJob(Message):
    """Update and activity: take the job from its provider (if not started, or by support) and offer it anew."""

    actor: Actor
    reason: str
    only_if_not_shipped: bool = False


class BeginRound(Message):
    """Activity input of a re-dispatch: release the provider's claim and offer the first wave of a new round."""

    job_id: JobId
    order_id: OrderId
    round: int
    actor: Actor
    reason: str
    only_if_not_started: bool
    only_if_not_shipped: bool = False
    policies: OrderPolicies


class RoundBegun(Message):
    """The new round's first wave; `wave` None means production had started (or the work was shipped) after all."""

    job_id: JobId
    round: int
    wave: OfferWave | None


class Remind(Message):
    """Write a reminder into the timeline; who is told by which channel is the followers' business."""

    order_id: OrderId
    job_id: JobId
    who: str
    what: str
    by: datetime
    number: int


class CloseJob(Message):
    """Write the end of a job nobody made."""

    job_id: JobId
    order_id: OrderId
    state: JobState
    reason: str


class JobOutcome(StrEnum):
    """How a job ended."""

    SETTLED = "settled"
    DECLINED_BY_ALL = "declined_by_all"
    PAYMENT_LOST = "payment_lost"
    WITHDRAWN = "withdrawn"
    CALLED_OFF = "called_off"


class JobClosed(Message):
    """Signal to the order, and the job workflow's result."""

    job_id: JobId
    outcome: JobOutcome
    reason: str | None = None


class JobWithdrawn(Message):
    """Signal to the job: the order took it back."""

    reason: str
