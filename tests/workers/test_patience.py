"""Stripe is asked again when it said so, and never by all at once."""

from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from fulfil.gateways.stripe.errors import StripeUnavailableError
from fulfil.workers.patience import StripePatience


class Failing(ActivityInboundInterceptor):
    """An activity that Stripe did not answer."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def execute_activity(self, input: ExecuteActivityInput) -> object:  # noqa: A002 (the SDK names it)
        del input
        raise self.error


async def failure_of(error: Exception) -> BaseException:
    async def act() -> None:
        """Never called."""

    asked = ExecuteActivityInput(fn=act, args=[], executor=None, headers={})
    with pytest.raises(type(error) if not isinstance(error, StripeUnavailableError) else ApplicationError) as raised:
        await StripePatience().intercept_activity(Failing(error)).execute_activity(asked)
    return raised.value


async def test_the_time_stripe_names_is_waited() -> None:
    failure = await failure_of(StripeUnavailableError("key in use", 1.0))
    assert isinstance(failure, ApplicationError)
    assert (failure.type, failure.non_retryable) == ("stripe_unavailable", False)
    assert failure.next_retry_delay == timedelta(seconds=1)
    assert isinstance(failure.__cause__, StripeUnavailableError)


async def test_who_asks_too_often_waits_longer_and_each_its_own_time() -> None:
    failures = [await failure_of(StripeUnavailableError("too many", 5.0, too_many=True)) for _ in range(20)]
    delays = {getattr(failure, "next_retry_delay", None) for failure in failures}
    assert len(delays) > 1
    assert all(timedelta(seconds=6) <= delay <= timedelta(seconds=35) for delay in delays if delay is not None)
    assert None not in delays


async def test_without_a_time_the_policy_decides() -> None:
    failure = await failure_of(StripeUnavailableError("no answer"))
    assert getattr(failure, "next_retry_delay", "unset") is None


async def test_other_failures_stay_what_they_are() -> None:
    assert str(await failure_of(ValueError("ours"))) == "ours"
