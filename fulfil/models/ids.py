"""Prefixed identifiers: `ord_` + 32 hex digits of a UUIDv7, so ids sort by creation time."""

import hashlib
from typing import Annotated

import uuid_utils
from pydantic import StringConstraints

HEX = r"[0-9a-f]{32}"


def new_id(prefix: str) -> str:
    """Mint an id such as `ord_01a1fd64aa6677a18c33bf20b84fe1e2`; never call this inside a workflow."""
    return f"{prefix}_{uuid_utils.uuid7().hex}"


def derived_id(prefix: str, *parts: str) -> str:
    """An id that the same parts always give, for rows a retried activity must find again."""
    return f"{prefix}_{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:32]}"


AccountId = Annotated[str, StringConstraints(pattern=rf"^acc_{HEX}$")]
ApiKeyId = Annotated[str, StringConstraints(pattern=rf"^key_{HEX}$")]
CustomerId = Annotated[str, StringConstraints(pattern=rf"^cus_{HEX}$")]
ProviderId = Annotated[str, StringConstraints(pattern=rf"^prv_{HEX}$")]
FileId = Annotated[str, StringConstraints(pattern=rf"^fil_{HEX}$")]
QuoteId = Annotated[str, StringConstraints(pattern=rf"^quo_{HEX}$")]
OrderId = Annotated[str, StringConstraints(pattern=rf"^ord_{HEX}$")]
LineId = Annotated[str, StringConstraints(pattern=rf"^lin_{HEX}$")]
JobId = Annotated[str, StringConstraints(pattern=rf"^job_{HEX}$")]
OfferId = Annotated[str, StringConstraints(pattern=rf"^off_{HEX}$")]
RefundId = Annotated[str, StringConstraints(pattern=rf"^ref_{HEX}$")]
ChargebackId = Annotated[str, StringConstraints(pattern=rf"^chb_{HEX}$")]
StatementId = Annotated[str, StringConstraints(pattern=rf"^sta_{HEX}$")]
ServiceId = Annotated[str, StringConstraints(pattern=rf"^svc_{HEX}$")]
DeliverableId = Annotated[str, StringConstraints(pattern=rf"^del_{HEX}$")]
MilestoneId = Annotated[str, StringConstraints(pattern=rf"^mil_{HEX}$")]
SubmissionId = Annotated[str, StringConstraints(pattern=rf"^sub_{HEX}$")]
RevisionRequestId = Annotated[str, StringConstraints(pattern=rf"^rev_{HEX}$")]
PlanProposalId = Annotated[str, StringConstraints(pattern=rf"^pln_{HEX}$")]
CounterOfferId = Annotated[str, StringConstraints(pattern=rf"^cou_{HEX}$")]
ShipmentId = Annotated[str, StringConstraints(pattern=rf"^shp_{HEX}$")]
StockMovementId = Annotated[str, StringConstraints(pattern=rf"^mov_{HEX}$")]
StockItemId = Annotated[str, StringConstraints(pattern=rf"^stk_{HEX}$")]
MachineId = Annotated[str, StringConstraints(pattern=rf"^mac_{HEX}$")]
CertificateId = Annotated[str, StringConstraints(pattern=rf"^cer_{HEX}$")]
ClosureId = Annotated[str, StringConstraints(pattern=rf"^clo_{HEX}$")]
DocumentId = Annotated[str, StringConstraints(pattern=rf"^doc_{HEX}$")]
ReconciliationId = Annotated[str, StringConstraints(pattern=rf"^rec_{HEX}$")]
