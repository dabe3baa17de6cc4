"""What can go wrong at Stripe, by what the caller can do about it."""

import math

import stripe

from fulfil.gateways.stripe.facts import Decline

RATE_LIMITED = 429
CONFLICT = 409
SERVER_ERROR = 500
UNAUTHORIZED = (401, 403)
# The first request of a key still runs: it rarely takes longer.
KEY_IN_USE_RETRY_S = 1.0


class CardDeclinedError(Exception):
    """The card was refused: a business result, final for this attempt."""

    def __init__(self, decline: Decline) -> None:
        super().__init__(decline)
        self.decline = decline

    @property
    def code(self) -> str:
        """Stripe's error code, such as `card_declined` or `expired_card`."""
        return self.decline.code

    @property
    def decline_code(self) -> str:
        """The bank's reason, or else the error code."""
        return self.decline.decline_code

    @property
    def message(self) -> str:
        """A sentence Stripe wrote for the customer."""
        return self.decline.message

    def __str__(self) -> str:
        return f"{self.code} ({self.decline_code}): {self.message}"


class StripeRefusedError(Exception):
    """Stripe understood and said no; the same request will never succeed."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class StripeUnavailableError(Exception):
    """Connection lost, 5xx, 429 or key in use: the outcome is unknown; try again with the same key.

    `retry_after_s` is when Stripe wants to be asked again, if it said so; `too_many` tells that it is asked too often.
    """

    def __init__(self, message: str, retry_after_s: float | None = None, *, too_many: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.too_many = too_many


class StripeStoredFailureError(StripeUnavailableError):
    """A 5xx that Stripe stored under its idempotency key: retrying that key replays it."""


class StripeMisconfiguredError(Exception):
    """Wrong credentials, missing permission or one idempotency key for two requests: a person must look."""


def translated(error: stripe.StripeError) -> Exception:
    """The error of ours for an error of the SDK."""
    message = error.user_message or type(error).__name__
    if isinstance(error, stripe.CardError):
        return CardDeclinedError(_decline(error, message))
    status = error.http_status
    if isinstance(error, stripe.APIConnectionError) or status is None:
        return StripeUnavailableError(message)
    if status in UNAUTHORIZED or (isinstance(error, stripe.IdempotencyError) and status != CONFLICT):
        return StripeMisconfiguredError(message)
    if status >= SERVER_ERROR or status in (RATE_LIMITED, CONFLICT) or _header(error, "Stripe-Should-Retry") == "true":
        return _unavailable(error, status, message)
    if not isinstance(error.json_body, dict):
        return StripeUnavailableError(f"not an answer of Stripe's (HTTP {status})")
    return StripeRefusedError(error.code or optional_text(error.error, "type") or "invalid_request_error", message)


def _unavailable(error: stripe.StripeError, status: int, message: str) -> StripeUnavailableError:
    """Only a replayed failure is known to be over; the first may still take effect, and its key must be kept."""
    wait_s = _retry_after_s(error)
    if status == CONFLICT:
        return StripeUnavailableError(message, KEY_IN_USE_RETRY_S if wait_s is None else wait_s)
    if status >= SERVER_ERROR and _header(error, "Idempotent-Replayed") == "true":
        return StripeStoredFailureError(message, wait_s)
    return StripeUnavailableError(message, wait_s, too_many=status == RATE_LIMITED)


def optional_text(part: stripe.StripeObject | None, name: str) -> str | None:
    """A field Stripe leaves out, or empty, when it has nothing to say."""
    value: object = part.to_dict().get(name) if part is not None else None
    return str(value) if value else None


def _decline(error: stripe.CardError, message: str) -> Decline:
    code = error.code or "card_declined"
    return Decline(
        code=code,
        decline_code=optional_text(error.error, "decline_code") or code,
        advice_code=optional_text(error.error, "advice_code"),
        message=message,
    )


def _header(error: stripe.StripeError, name: str) -> str | None:
    return error.headers.get(name) if error.headers else None


def _retry_after_s(error: stripe.StripeError) -> float | None:
    """The seconds of `Retry-After`; a date, as proxies write it, is left to the caller's policy."""
    try:
        seconds = float(_header(error, "Retry-After") or "")
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
