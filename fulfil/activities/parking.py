"""What Stripe refuses for good parks the step, with a sentence about what support can do."""

from collections.abc import Generator
from contextlib import contextmanager

from temporalio.exceptions import ApplicationError

from fulfil.gateways.stripe.errors import CardDeclinedError, StripeMisconfiguredError, StripeRefusedError


@contextmanager
def parking(kind: str, remedy: str) -> Generator[None]:
    """Turn what Stripe refuses for good into an error that parks the step and says what support can do."""
    try:
        yield
    except (StripeRefusedError, CardDeclinedError) as error:
        raise ApplicationError(f"Stripe refused: {error}. {remedy}", type=kind, non_retryable=True) from error
    except StripeMisconfiguredError as error:
        remedy = "Check the Stripe key and its permissions, then retry the step."
        raise ApplicationError(f"{error}. {remedy}", type="stripe_misconfigured", non_retryable=True) from error
