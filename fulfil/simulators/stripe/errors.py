"""Stripe's error answers: status, body, and whether an idempotency key remembers them."""

import re
from collections.abc import Mapping

JsonObject = dict[str, object]

DOCS = "https://stripe.com/docs/error-codes/"
LOGS = "https://dashboard.stripe.com/test/workbench/logs?object="


class StripeApiError(Exception):
    """An answer other than 200.

    `stored` tells that execution had begun, so the idempotency key replays the refusal; `keeps_effects` that the
    transaction commits nevertheless, as after a decline.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        stored: bool = False,
        keeps_effects: bool = False,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.stored = stored
        self.keeps_effects = keeps_effects
        self.error: JsonObject = {"message": message, "type": kind}
        if code:
            self.error |= {"code": code, "doc_url": DOCS + code.replace("_", "-")}
        if param:
            self.error["param"] = param
        self.error |= extra or {}

    @property
    def body(self) -> JsonObject:
        """The answer's JSON."""
        return {"error": self.error}

    def logged(self, request_id: str) -> JsonObject:
        """The answer's JSON with the address of the request's log."""
        return {"error": {**self.error, "request_log_url": f"{LOGS}{request_id}"}}


def missing_parameter(name: str) -> StripeApiError:
    """A required parameter was left out."""
    return StripeApiError(400, f"Missing required param: {name}.", code="parameter_missing", param=name)


def unknown_parameter(name: str) -> StripeApiError:
    """A parameter the operation does not have."""
    return StripeApiError(400, f"Received unknown parameter: {name}", code="parameter_unknown", param=name)


def invalid_parameter(name: str, message: str, code: str | None = None) -> StripeApiError:
    """A parameter of the wrong form."""
    return StripeApiError(400, message, code=code, param=name)


def missing_resource(kind: str, identity: str, *, param: str, status: int = 404) -> StripeApiError:
    """No object of that id: 404 when the path names it, 400 when a parameter does."""
    return StripeApiError(status, f"No such {kind}: '{identity}'", code="resource_missing", param=param)


def wrong_state(message: str, code: str, *, extra: Mapping[str, object] | None = None) -> StripeApiError:
    """The object's state does not allow the operation; its key remembers that."""
    return StripeApiError(400, message, code=code, stored=True, extra=extra)


def unrecognized_url(method: str, path: str) -> StripeApiError:
    """A path the simulator does not serve."""
    return StripeApiError(
        404,
        f"Unrecognized request URL ({method}: {path}). If you are trying to list objects, remove the trailing slash. "
        "If you are trying to retrieve an object, make sure you passed a valid (non-empty) identifier in your code.",
    )


def check_version(version: str) -> None:
    """Refuse what is no version of Stripe's API; a known form is answered in the simulator's own version."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?", version):
        raise StripeApiError(400, f"Invalid Stripe API version: {version}", param="Stripe-Version")


def no_access_to_account(account: str) -> StripeApiError:
    """The `Stripe-Account` header names none of the platform's accounts."""
    message = (
        f"The provided key does not have access to account '{account}' (or that account does not exist). Application "
        "access may have been revoked."
    )
    return StripeApiError(403, message, code="account_invalid")


def object_locked() -> StripeApiError:
    """Another request is changing the same object; nothing was done."""
    message = (
        "This object cannot be accessed right now because another API request or Stripe process is currently accessing "
        "it. If you see this error intermittently, retry the request."
    )
    return StripeApiError(429, message, code="lock_timeout")


def rate_limited() -> StripeApiError:
    """Too many requests; nothing was done."""
    message = "Request rate limit exceeded. You can learn more about rate limits in Stripe's documentation."
    return StripeApiError(429, message, code="rate_limit")


def internal_error() -> StripeApiError:
    """Stripe's own failure, which an idempotency key remembers too."""
    return StripeApiError(500, "An unknown error occurred", kind="api_error", stored=True)
