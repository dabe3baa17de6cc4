"""What keeps a provider from being offered anything at all, whatever the job: her standing as facts, and the blocks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

APPLIED, REJECTED = "applied", "rejected"
PENDING, VERIFIED = "pending", "verified"

NOT_PAYABLE = frozenset({"restricted", "unsupported", "rejected", "closed"})
"""Values of `payouts_status` with which her account can't be paid until she has done something about it."""


@dataclass(frozen=True, slots=True)
class CertificateFact:
    """A document on record; `state` is pending, verified or rejected, `expires_at` None when it holds for ever."""

    kind: str
    state: str
    required: bool
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProviderStanding:
    """What is known of a provider apart from any job.

    `verification` is applied, verified or rejected; `payouts_status` None while her account was never looked at.
    """

    verification: str
    online: bool
    suspended: bool = False
    suspension_reason: str | None = None
    payouts_status: str | None = None
    certificates: tuple[CertificateFact, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """One reason why nothing is offered to her, and what would help."""

    code: str
    detail: str
    remedy: str


def standing_blocks(standing: ProviderStanding, at: datetime) -> tuple[Block, ...]:
    """Everything that blocks her at this time, the gravest first; empty when she can be offered work.

    Codes: provider_applied, provider_rejected, provider_suspended, certificate_missing, certificate_expired,
    payouts_restricted, provider_offline.
    """
    blocks = [*_verification(standing.verification), *_suspension(standing)]
    if standing.certificates:
        blocks.extend(_certificates(standing.certificates, at))
    if standing.payouts_status in NOT_PAYABLE:
        blocks.append(
            Block(
                "payouts_restricted",
                f"Her payout account is {standing.payouts_status}: she can't be paid.",
                "Complete the payout account at the payment provider.",
            )
        )
    if not standing.online:
        blocks.append(Block("provider_offline", "She takes no jobs at present.", "Go online again."))
    return tuple(blocks)


def _verification(verification: str) -> tuple[Block, ...]:
    if verification == APPLIED:
        return (
            Block(
                "provider_applied",
                "Her application is not decided yet.",
                "Upload the documents that are missing, then wait for administration's decision.",
            ),
        )
    if verification == REJECTED:
        return (Block("provider_rejected", "Her application was rejected.", "Ask administration what is missing."),)
    return ()


def _suspension(standing: ProviderStanding) -> tuple[Block, ...]:
    if not standing.suspended:
        return ()
    why = f": {standing.suspension_reason}" if standing.suspension_reason else ""
    return (Block("provider_suspended", f"She is suspended{why}.", "Settle the reason with administration."),)


def _certificates(certificates: tuple[CertificateFact, ...], at: datetime) -> list[Block]:
    """A required kind that was decided on needs one verified document in force; undecided ones demand nothing."""
    blocks: list[Block] = []
    if all(is_in_force(fact, at) for fact in certificates):
        return blocks
    for kind in sorted({fact.kind for fact in certificates if fact.required and fact.state != PENDING}):
        of_kind = [fact for fact in certificates if fact.kind == kind]
        verified = [fact for fact in of_kind if fact.state == VERIFIED]
        if any(is_in_force(fact, at) for fact in verified):
            continue
        waiting = any(fact.state == PENDING for fact in of_kind)
        remedy = (
            "Wait until administration has checked the new document."
            if waiting
            else "Upload a document that is in force."
        )
        if verified:
            ended = max(fact.expires_at for fact in verified if fact.expires_at is not None)
            blocks.append(Block("certificate_expired", f"The {kind} certificate expired on {ended:%Y-%m-%d}.", remedy))
        else:
            blocks.append(Block("certificate_missing", f"No {kind} certificate of hers is verified.", remedy))
    return blocks


def is_in_force(fact: CertificateFact, at: datetime) -> bool:
    """Whether a document is verified and has not expired at this time."""
    return fact.state == VERIFIED and (fact.expires_at is None or fact.expires_at > at)


def unproven_kinds(required: Iterable[str], certificates: Sequence[CertificateFact], at: datetime) -> tuple[str, ...]:
    """Which of the required kinds have no verified document in force; what is missing before she can be verified."""
    proven = {fact.kind for fact in certificates if is_in_force(fact, at)}
    return tuple(kind for kind in required if kind not in proven)


def missing_kinds(required: Iterable[str], certificates: Sequence[CertificateFact], at: datetime) -> tuple[str, ...]:
    """Those of them of which no document waits to be checked either; what she has to upload."""
    waiting = {fact.kind for fact in certificates if fact.state == PENDING}
    return tuple(kind for kind in unproven_kinds(required, certificates, at) if kind not in waiting)
