"""Asking Stripe again when it wants to be asked: the next attempt of an activity waits as long as its answer said."""

import random
from datetime import timedelta

from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from fulfil.gateways.stripe.errors import StripeUnavailableError

# Whoever was sent away at the same time must not come back at the same time.
JITTER_S = (1.0, 30.0)


class StripePatience(Interceptor):
    """Turns what Stripe could not answer into an error that says when to ask again."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 (theirs)
        """Around every activity of the worker."""
        return _Waiting(next)


class _Waiting(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> object:  # noqa: A002 (the SDK names it)
        try:
            return await super().execute_activity(input)
        except StripeUnavailableError as error:
            raise asked_again(error) from error


def asked_again(error: StripeUnavailableError) -> ApplicationError:
    """The retryable error `stripe_unavailable`; when Stripe said nothing about a time, the policy's interval holds."""
    wait_s = error.retry_after_s
    if error.too_many:
        wait_s = (wait_s or 0.0) + random.uniform(*JITTER_S)
    return ApplicationError(
        str(error),
        type="stripe_unavailable",
        next_retry_delay=None if wait_s is None else timedelta(seconds=wait_s),
    )
