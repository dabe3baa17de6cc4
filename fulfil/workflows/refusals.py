"""How a workflow says no: a typed error the API turns into a 409, before anything is written to history."""

from collections.abc import Sequence

from temporalio.exceptions import ApplicationError


def refusal(code: str, detail: str, *, state: str, allowed_actions: Sequence[str] = ()) -> ApplicationError:
    """Any other exception in a handler would fail the workflow task for ever."""
    facts = {"state": state, "allowed_actions": list(allowed_actions), "detail": detail}
    return ApplicationError(detail, facts, type=code, non_retryable=True)
