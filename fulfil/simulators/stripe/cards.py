"""The documented test cards, by token and by number, and what each does when set up, charged, refunded or disputed."""

from dataclasses import dataclass
from enum import StrEnum


class Behaviour(StrEnum):
    """What a card does beyond paying: `ASKS…` wants the customer's authentication, `DECLINES…` does not pay."""

    PAYS = "pays"
    ASKS = "asks"
    ASKS_UNLESS_SET_UP = "asks_unless_set_up"
    ASKS_THEN_DECLINES = "asks_then_declines"
    DECLINES = "declines"
    DECLINES_CHARGES = "declines_charges"
    AVAILABLE_AT_ONCE = "available_at_once"
    REFUND_PENDING = "refund_pending"
    REFUND_FAILS = "refund_fails"
    DISPUTED_AS_FRAUD = "disputed_as_fraud"
    DISPUTED_AS_NOT_RECEIVED = "disputed_as_not_received"
    INQUIRED = "inquired"
    WARNED_OF_FRAUD = "warned_of_fraud"


ASKING = frozenset([Behaviour.ASKS, Behaviour.ASKS_UNLESS_SET_UP, Behaviour.ASKS_THEN_DECLINES])


@dataclass(frozen=True)
class Decline:
    """Why a payment is refused, as Stripe reports it; `blocked` when Stripe's own fraud rules did, not the bank."""

    code: str
    decline_code: str
    message: str
    advice_code: str | None = None
    param: str | None = None
    blocked: bool = False


@dataclass(frozen=True)
class Card:
    """A test card; `set_up` when off-session payments need no authentication from the start."""

    brand: str
    number: str
    behaviour: Behaviour = Behaviour.PAYS
    decline: Decline | None = None
    country: str = "US"
    funding: str = "credit"
    risk_level: str = "normal"
    set_up: bool = False

    @property
    def last4(self) -> str:
        """The digits one may show."""
        return self.number[-4:]


DECLINED = "Your card was declined."
AGAIN, NEVER, CONFIRM = "try_again_later", "do_not_try_again", "confirm_card_data"
GENERIC = Decline("card_declined", "generic_decline", DECLINED)
NO_FUNDS = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.", AGAIN)
LOST = Decline("card_declined", "lost_card", DECLINED, NEVER)
STOLEN = Decline("card_declined", "stolen_card", DECLINED, NEVER)
TOO_OFTEN = Decline("card_declined", "card_velocity_exceeded", DECLINED)
EXPIRED = Decline("expired_card", "expired_card", "Your card has expired.", CONFIRM, "exp_month")
WRONG_CVC = Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.", CONFIRM, "cvc")
PROCESSING = Decline(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
    AGAIN,
)
BLOCKED = Decline("card_declined", "fraudulent", DECLINED, NEVER, None, blocked=True)
NOT_AUTHENTICATED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)

_DECLINING = {
    "chargeDeclined": ("4000000000000002", GENERIC),
    "chargeDeclinedInsufficientFunds": ("4000000000009995", NO_FUNDS),
    "chargeDeclinedLostCard": ("4000000000009987", LOST),
    "chargeDeclinedStolenCard": ("4000000000009979", STOLEN),
    "chargeDeclinedVelocityLimitExceeded": ("4000000000006975", TOO_OFTEN),
    "chargeDeclinedExpiredCard": ("4000000000000069", EXPIRED),
    "chargeDeclinedIncorrectCvc": ("4000000000000127", WRONG_CVC),
    "chargeDeclinedProcessingError": ("4000000000000119", PROCESSING),
    "radarBlock": ("4100000000000019", BLOCKED),
}
_BRANDS = {
    "visa": Card("visa", "4242424242424242"),
    "visa_debit": Card("visa", "4000056655665556", funding="debit"),
    "mastercard": Card("mastercard", "5555555555554444"),
    "mastercard_debit": Card("mastercard", "5200828282828210", funding="debit"),
    "mastercard_prepaid": Card("mastercard", "5105105105105100", funding="prepaid"),
    "amex": Card("amex", "378282246310005"),
    "discover": Card("discover", "6011111111111117"),
    "diners": Card("diners", "3056930009020004"),
    "jcb": Card("jcb", "3566002020360505"),
    "unionpay": Card("unionpay", "6200000000000005"),
    "at": Card("visa", "4000000400000008", country="AT"),
    "de": Card("visa", "4000002760000016", country="DE"),
    "fr": Card("visa", "4000002500000003", country="FR"),
    "pl": Card("visa", "4000006160000005", country="PL"),
    "gb": Card("visa", "4000008260000000", country="GB"),
}


def _visa(number: str, behaviour: Behaviour, decline: Decline | None = None, *, set_up: bool = False) -> Card:
    return Card("visa", number, behaviour, decline, set_up=set_up)


_SPECIAL = {
    "bypassPending": _visa("4000000000000077", Behaviour.AVAILABLE_AT_ONCE),
    "pendingRefund": _visa("4000000000007726", Behaviour.REFUND_PENDING),
    "refundFail": _visa("4000000000005126", Behaviour.REFUND_FAILS),
    "createDispute": _visa("4000000000000259", Behaviour.DISPUTED_AS_FRAUD),
    "createDisputeProductNotReceived": _visa("4000000000002685", Behaviour.DISPUTED_AS_NOT_RECEIVED),
    "createDisputeInquiry": _visa("4000000000001976", Behaviour.INQUIRED),
    "createIssuerFraudWarning": _visa("4000000000005423", Behaviour.WARNED_OF_FRAUD),
    "chargeCustomerFail": _visa("4000000000000341", Behaviour.DECLINES_CHARGES, GENERIC),
    "threeDSecure2Required": _visa("4000000000003220", Behaviour.ASKS),
    "threeDSecureRequired": _visa("4000000000003063", Behaviour.ASKS),
    "threeDSecureOptional": _visa("4000000000003055", Behaviour.PAYS),
    "authenticationRequired": _visa("4000002760003184", Behaviour.ASKS),
    "authenticationRequiredOnSetup": _visa("4000002500003155", Behaviour.ASKS_UNLESS_SET_UP),
    "authenticationRequiredSetupForOffSession": _visa("4000003800000446", Behaviour.ASKS_UNLESS_SET_UP, set_up=True),
    "authenticationRequiredChargeDeclinedInsufficientFunds": _visa(
        "4000008260003178", Behaviour.ASKS_THEN_DECLINES, NO_FUNDS
    ),
    "threeDSecureRequiredChargeDeclined": _visa("4000008400001629", Behaviour.ASKS_THEN_DECLINES, GENERIC),
    "riskLevelElevated": Card("visa", "4000000000009235", risk_level="elevated"),
    "riskLevelHighest": Card("visa", "4000000000004954", Behaviour.DECLINES, BLOCKED, risk_level="highest"),
}
_REFUSED = {name: _visa(number, Behaviour.DECLINES, decline) for name, (number, decline) in _DECLINING.items()}

CARDS: dict[str, Card] = {
    **{f"pm_card_{name}": card for name, card in (_BRANDS | _SPECIAL | _REFUSED).items()},
    **{f"pm_card_visa_{name}": card for name, card in _REFUSED.items()},
}
TOKENS_BY_NUMBER: dict[str, str] = {
    card.number: f"pm_card_{name}" for name, card in (_BRANDS | _SPECIAL | _REFUSED).items()
}
