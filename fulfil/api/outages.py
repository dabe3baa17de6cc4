"""Tells a dependency that is down from a bug: what the one answers becomes a 503, the other stays an error."""

from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus

import asyncpg
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from fulfil.api.errors import ProblemError, unavailable
from fulfil.gateways.storage import StorageUnavailableError
from fulfil.gateways.stripe.errors import StripeMisconfiguredError, StripeRefusedError, StripeUnavailableError

log = structlog.stdlib.get_logger(__name__)

# SQLSTATE classes and codes of a database that can't serve (now): connection, resources, operator intervention,
# not migrated yet, serialisation failure, deadlock.
OUT_OF_ORDER = ("08", "53", "57P", "3D000", "42P01", "28", "40001", "40P01")
TEMPORAL_DOWN = (
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.ABORTED,
    RPCStatusCode.INTERNAL,
    RPCStatusCode.UNKNOWN,
    # A workflow whose tasks fail or time out, as when workers are overloaded or killed, takes no updates for a while.
    RPCStatusCode.FAILED_PRECONDITION,
)


@contextmanager
def database_outages() -> Generator[None]:
    """Turn what means "PostgreSQL can't serve" into 503 `database_unavailable`."""
    try:
        yield
    except (DBAPIError, PoolTimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        if not is_database_outage(error):
            raise
        log.warning("PostgreSQL is unavailable", cause=_first_line(error))
        raise unavailable("database_unavailable", "The database is not available: try again.") from error


def is_database_outage(error: BaseException) -> bool:
    """Whether trying later may help; a broken constraint, for one, it won't."""
    if isinstance(error, PoolTimeoutError | OSError | asyncpg.InterfaceError):
        return True
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        cause = error.orig.__cause__ if error.orig else None
        return cause is not None and is_database_outage(cause)
    state = getattr(error, "sqlstate", None) or ""
    return isinstance(error, asyncpg.PostgresError) and state.startswith(OUT_OF_ORDER)


@contextmanager
def temporal_outages() -> Generator[None]:
    """Turn what means "Temporal can't serve" into 503 `temporal_unavailable`, or `still_working` when it is slow."""
    try:
        yield
    except (WorkflowUpdateRPCTimeoutOrCancelledError, TimeoutError) as error:
        raise still_working() from error
    except RPCError as error:
        if error.status not in TEMPORAL_DOWN:
            raise
        raise _temporal_unavailable(error) from error
    except (RuntimeError, OSError) as error:
        # The SDK's way to say that a lazy client could not connect.
        if not isinstance(error, OSError) and "connect" not in str(error).lower():
            raise
        raise _temporal_unavailable(error) from error


def still_working() -> ProblemError:
    """The operation was accepted, or will be, and is not finished."""
    return unavailable(
        "still_working",
        "This takes longer than usual and goes on. Repeat the request with the same Idempotency-Key to join it.",
    )


@contextmanager
def stripe_outages() -> Generator[None]:
    """Turn Stripe's troubles into 503 `payment_provider_unavailable`, and its refusals into 422."""
    try:
        yield
    except (StripeUnavailableError, StripeMisconfiguredError) as error:
        log.warning("Stripe is unavailable", cause=_first_line(error))
        raise unavailable(
            "payment_provider_unavailable",
            "The payment provider does not answer: try again with the same Idempotency-Key.",
        ) from error
    except StripeRefusedError as error:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY, error.code, f"The payment provider refused: {error.message}"
        ) from error


@contextmanager
def storage_outages() -> Generator[None]:
    """Turn an object store that can't serve into 503 `storage_unavailable`."""
    try:
        yield
    except StorageUnavailableError as error:
        log.warning("the object store is unavailable", cause=_first_line(error))
        raise unavailable("storage_unavailable", "The file storage is not available: try again.") from error


def _temporal_unavailable(error: Exception) -> ProblemError:
    log.warning("Temporal is unavailable", cause=_first_line(error))
    return unavailable("temporal_unavailable", "The order engine is not available: try again.")


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
