"""The named policies of an order, pinned to it at purchase: later edits never change a running order."""

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
