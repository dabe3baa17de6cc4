"""A refused effect may be asked for again under a new key, once for each time support has retried its step.

A refusal is stored under its idempotency key for a day, so the same key could never succeed after support has
mended the cause. A key is left behind only when its own answer was a refusal, which proves it had no effect.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.gateways.stripe.errors import StripeRefusedError
from fulfil.models.messages.events import EventType
from fulfil.models.messages.support import ResolutionAction
from fulfil.models.tables.timeline import EventRow

T = TypeVar("T")


async def keys_of(session: AsyncSession, key: str, *, order_id: str, subject: str, step: str) -> list[str]:
    """The key, then one more for each retry by support."""
    retries = await session.scalar(
        select(func.count()).where(
            EventRow.order_id == order_id,
            EventRow.subject == subject,
            EventRow.type == EventType.STEP_RESOLVED,
            EventRow.data["step"].as_string() == step,
            EventRow.data["action"].as_string() == ResolutionAction.RETRY.value,
        )
    )
    return [key, *(f"{key}:{n}" for n in range(2, (retries or 0) + 2))]


async def issue(keys: Sequence[str], send: Callable[[str], Awaitable[T]]) -> T:
    """The answer under the first key that was not refused; raises the last refusal."""
    *spent, last = keys
    for key in spent:
        try:
            return await send(key)
        except StripeRefusedError:
            continue
    return await send(last)
