"""What can go wrong at Stripe, by what the caller can do about it."""

import stripe

RATE_LIMITED = 429
CONFLICT = 409
SERVER_ERROR = 500
UNAUTHORIZED = (401, 403)


class CardDeclinedError(Exception):
    """The card was refused: a business result, final for this attempt."""

    def __init__(self, code: str, decline_code: str, message: str) -> None:
        super().__init__(code, decline_code, message)
        self.code = code
        self.decline_code = decline_code
        self.message = message

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
    """Connection lost, 5xx, 429 or key in use: the outcome is unknown; try again with the same key."""


class StripeStoredFailureError(StripeUnavailableError):
    """A 5xx that Stripe stored under its idempotency key: retrying that key replays it."""


class StripeMisconfiguredError(Exception):
    """Wrong credentials, missing permission or one idempotency key for two requests: a person must look."""


def translated(error: stripe.StripeError) -> Exception:
    """The error of ours for an error of the SDK."""
    message = error.user_message or type(error).__name__
    if isinstance(error, stripe.CardError):
        detail = error.error
        code = error.code or "card_declined"
        return CardDeclinedError(code, _text(detail, "decline_code") or code, message)
    status = error.http_status
    if isinstance(error, stripe.APIConnectionError) or status is None or status in (RATE_LIMITED, CONFLICT):
        return StripeUnavailableError(message)
    if status >= SERVER_ERROR:
        replayed = error.headers.get("Idempotent-Replayed") == "true" if error.headers else False
        return StripeStoredFailureError(message) if replayed else StripeUnavailableError(message)
    if isinstance(error, stripe.IdempotencyError) or status in UNAUTHORIZED:
        return StripeMisconfiguredError(message)
    if not isinstance(error.json_body, dict):
        return StripeUnavailableError(f"not an answer of Stripe's (HTTP {status})")
    return StripeRefusedError(error.code or _text(error.error, "type") or "invalid_request_error", message)


def _text(detail: stripe.StripeObject | None, name: str) -> str | None:
    """A field Stripe may leave out."""
    value: object = detail.to_dict().get(name) if detail is not None else None
    return str(value) if value else None
