"""The named policies of an order, pinned to it at purchase: later edits never change a running order."""

from pydantic import Field

from fulfil.models.messages.base import Message

MINUTE_S = 60
HOUR_S = 3_600
DAY_S = 86_400


class OrderPolicies(Message):
    """Durations in seconds; the defaults are the platform's."""

    payment_due_s: int = 15 * MINUTE_S
    authentication_due_s: int = 24 * HOUR_S
    offer_wave_s: int = 90
    offer_waves: int = 3
    offers_per_wave: int = 5
    open_board_s: int = 48 * HOUR_S
    operator_decides_s: int = 72 * HOUR_S
    start_reminder_s: int = 48 * HOUR_S
    start_due_s: int = 72 * HOUR_S
    approval_reminder_s: int = 12 * DAY_S
    approval_due_s: int = 14 * DAY_S
    newcomer_jobs: int = 5
    newcomer_limit_minor: int = 500_000
    capture_margin_s: int = 12 * HOUR_S
    """A card hold not yet used is captured this long before the bank lets it go."""
    decline_retries_s: tuple[int, ...] = Field(default=(HOUR_S, 6 * HOUR_S, 24 * HOUR_S), max_length=3)
    """Pauses before a saved card that was declined softly is tried again: at most four attempts."""
    counter_due_s: int = 24 * HOUR_S
    """How long a counter-offer can be taken, if nobody accepts the job before."""
    late_warning_s: int = 24 * HOUR_S
    """This long before the promised date a job that will probably miss it is flagged."""
    lateness_answer_s: int = 48 * HOUR_S
    """How long the customer has to choose when a date is missed or a parcel lost; then it goes on without her."""
    silent_waits: int = 2
    """How often silence about a missed date means to wait; then the job goes to another provider by itself."""
    transit_look_s: int = 14 * DAY_S
    """Support is asked to find out about work that left so long ago and has not arrived."""
    overdue_look_s: int = 3 * DAY_S
    """How often an overdue job is looked at again."""
    lease_margin_s: int = 24 * HOUR_S
    """How much longer than production may take to begin a reservation of material lasts."""
    production_lease_s: int = 30 * DAY_S
    """How much longer than the promised date a reservation lasts once production has begun."""
    review_due_s: int = 3 * DAY_S
    """Silence approves a submitted milestone after this time."""
    review_reminder_s: int = 2 * DAY_S
    revisions_included: int = 2
    revision_due_s: int = 5 * DAY_S
    """How long a requested revision may take, unless the request names a date."""
    rejection_due_s: int = 7 * DAY_S
    """A rejected milestone that is not submitted again in this time is called off and paid back."""
    refund_approval_above: int = 500
    """Whole units of the currency; a larger refund needs a second person, as does any after release."""
    refund_looks_s: tuple[int, ...] = (DAY_S, 5 * DAY_S, 10 * DAY_S)
    """When a refund that is still pending is looked at."""
    hold_alarm_s: int = 75 * DAY_S
    hold_cap_s: int = 90 * DAY_S
    evidence_reminder_s: int = 72 * HOUR_S
    evidence_submit_s: int = 24 * HOUR_S
    """This long before a chargeback's due date, what is staged is submitted."""
    tax_bp: int = 1_900
    """Prices are gross: the tax share in them, in basis points of the net price."""
