"""The documented test tokens and what each card does when charged."""

from dataclasses import dataclass
from enum import StrEnum


class Behaviour(StrEnum):
    """What a card does beyond paying."""

    PAYS = "pays"
    ASKS = "asks"
    DECLINES = "declines"
    AVAILABLE_AT_ONCE = "available_at_once"
    REFUND_PENDING = "refund_pending"


@dataclass(frozen=True)
class Decline:
    """Why a bank refuses, as Stripe reports it."""

    code: str
    decline_code: str
    message: str
    advice_code: str | None = None
    param: str | None = None


@dataclass(frozen=True)
class Card:
    """A test card."""

    brand: str
    last4: str
    behaviour: Behaviour = Behaviour.PAYS
    decline: Decline | None = None


DECLINED = "Your card was declined."


def _declined(
    last4: str,
    code: str,
    decline_code: str | None = None,
    message: str = DECLINED,
    advice_code: str | None = None,
    param: str | None = None,
) -> Card:
    decline = Decline(code, decline_code or code, message, advice_code, param)
    return Card("visa", last4, Behaviour.DECLINES, decline)


_DECLINING = {
    "chargeDeclined": _declined("0002", "card_declined", "generic_decline"),
    "chargeDeclinedInsufficientFunds": _declined(
        "9995", "card_declined", "insufficient_funds", "Your card has insufficient funds.", "try_again_later"
    ),
    "chargeDeclinedLostCard": _declined("9987", "card_declined", "lost_card", DECLINED, "do_not_try_again"),
    "chargeDeclinedStolenCard": _declined("9979", "card_declined", "stolen_card", DECLINED, "do_not_try_again"),
    "chargeDeclinedVelocityLimitExceeded": _declined("6975", "card_declined", "card_velocity_exceeded"),
    "chargeDeclinedExpiredCard": _declined(
        "0069", "expired_card", None, "Your card has expired.", "confirm_card_data", "exp_month"
    ),
    "chargeDeclinedIncorrectCvc": _declined(
        "0127", "incorrect_cvc", None, "Your card's security code is incorrect.", "confirm_card_data", "cvc"
    ),
    "chargeDeclinedProcessingError": _declined(
        "0119",
        "processing_error",
        None,
        "An error occurred while processing your card. Try again in a little bit.",
        "try_again_later",
    ),
}

CARDS: dict[str, Card] = {
    "pm_card_visa": Card("visa", "4242"),
    "pm_card_mastercard": Card("mastercard", "4444"),
    "pm_card_amex": Card("amex", "0005"),
    "pm_card_bypassPending": Card("visa", "0077", Behaviour.AVAILABLE_AT_ONCE),
    "pm_card_pendingRefund": Card("visa", "7726", Behaviour.REFUND_PENDING),
    "pm_card_threeDSecure2Required": Card("visa", "3220", Behaviour.ASKS),
    "pm_card_authenticationRequired": Card("visa", "3184", Behaviour.ASKS),
    **{f"pm_card_{name}": card for name, card in _DECLINING.items()},
    **{f"pm_card_visa_{name}": card for name, card in _DECLINING.items()},
}
