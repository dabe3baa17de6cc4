"""What a caller's Idempotency-Key stands for: claimed once, found again by every repetition."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.errors import invalid
from fulfil.api.intentions import Intention
from fulfil.models.tables.accounts import IdempotencyKeyRow


@dataclass(frozen=True)
class Claim:
    """The resource of a request; `repeated` when an earlier request with the same key claimed it."""

    resource_id: str
    repeated: bool


async def find_claim(session: AsyncSession, intention: Intention) -> Claim | None:
    """What the key stands for already; 422 `idempotency_mismatch` when it stands for something else."""
    if intention.key is None:
        return None
    row = await session.get(IdempotencyKeyRow, (intention.subject_id, intention.key))
    if row is None:
        return None
    if (row.operation, row.request_sha256) != (intention.operation, intention.request_sha256):
        raise invalid(
            "idempotency_mismatch",
            "This Idempotency-Key was used for another request: take a new key for a new intention.",
            "Idempotency-Key",
        )
    return Claim(row.resource_id, repeated=True)


async def claim(session: AsyncSession, intention: Intention, resource_id: str, at: datetime) -> Claim:
    """Let the key stand for this resource, or find what it stands for; waits for a twin still in its transaction."""
    if intention.key is None:
        return Claim(resource_id, repeated=False)
    claimed = await session.scalar(
        insert(IdempotencyKeyRow)
        .values(
            subject_id=intention.subject_id,
            key=intention.key,
            operation=intention.operation,
            request_sha256=intention.request_sha256,
            resource_id=resource_id,
            created_at=at,
        )
        .on_conflict_do_nothing()
        .returning(IdempotencyKeyRow.key)
    )
    found = None if claimed is not None else await find_claim(session, intention)
    return found or Claim(resource_id, repeated=False)
