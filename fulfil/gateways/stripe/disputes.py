"""Disputes: a card network's claim on a charge, answered with evidence or accepted."""

import io
from collections.abc import Awaitable
from typing import Literal, get_args

import stripe
from stripe.params import DisputeUpdateParams, DisputeUpdateParamsEvidence

from fulfil.gateways.stripe.base import StripeCalls
from fulfil.gateways.stripe.errors import StripeRefusedError
from fulfil.gateways.stripe.facts import DisputeEvidence, DisputeFacts, FraudWarningFacts
from fulfil.gateways.stripe.reading import dispute_facts, reference

EvidenceField = Literal[
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
]
EVIDENCE_FIELDS: tuple[EvidenceField, ...] = get_args(EvidenceField)
EVIDENCE_TYPES = frozenset(["application/pdf", "image/jpeg", "image/png"])
DECIDED = frozenset(["lost", "prevented", "warning_closed", "won"])
# What the networks accept for all files of a dispute together.
EVIDENCE_BYTES = 4_500_000


class NamedBytes(io.BytesIO):
    """Bytes with the file name the SDK sends along."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


class DisputeCalls(StripeCalls):
    """Evidence may be staged as often as needed; it is submitted once."""

    async def retrieve_dispute(self, dispute_id: str) -> DisputeFacts:
        """The dispute as Stripe knows it now."""
        return dispute_facts(await self._read_dispute(dispute_id))

    async def retrieve_fraud_warning(self, warning_id: str) -> FraudWarningFacts:
        """What the issuer of a card suspects."""
        warning = await self._call(self._client.v1.radar.early_fraud_warnings.retrieve_async(warning_id))
        return FraudWarningFacts(
            id=warning.id,
            charge_id=reference(warning.charge) or "",
            payment_intent_id=reference(warning.payment_intent) if "payment_intent" in warning else None,
            fraud_type=warning.fraud_type,
            is_actionable=warning.actionable,
        )

    async def stage_evidence(
        self, dispute_id: str, *, evidence: DisputeEvidence, submit: bool, idempotency_key: str
    ) -> DisputeFacts:
        """Put evidence on a dispute; with `submit` it goes to the bank together with all that was staged before."""
        params: DisputeUpdateParams = {
            "evidence": _evidence(evidence),
            "submit": submit,
            "metadata": {"key": idempotency_key},
        }

        def send(key: str) -> Awaitable[stripe.Dispute]:
            return self._client.v1.disputes.update_async(dispute_id, params, {"idempotency_key": key})

        async def find() -> stripe.Dispute | None:
            dispute = await self._read_dispute(dispute_id)
            marked = "key" in dispute.metadata and dispute.metadata["key"] == idempotency_key
            return dispute if marked else None

        return dispute_facts(await self._effect(idempotency_key, send, find))

    async def accept_dispute(self, dispute_id: str, *, idempotency_key: str) -> DisputeFacts:
        """Give a dispute up: it is lost for good; one that was decided already tells so in `status`."""

        def send(key: str) -> Awaitable[stripe.Dispute]:
            return self._client.v1.disputes.close_async(dispute_id, {}, {"idempotency_key": key})

        async def find() -> stripe.Dispute | None:
            dispute = await self._read_dispute(dispute_id)
            return dispute if dispute.status in DECIDED else None

        try:
            return dispute_facts(await self._effect(idempotency_key, send, find))
        except StripeRefusedError:
            decided = await find()
            if decided is None:
                raise
            return dispute_facts(decided)

    async def upload_evidence_file(self, *, name: str, content: bytes, content_type: str, idempotency_key: str) -> str:
        """Upload a PDF, JPEG or PNG of at most 4.5 MB; the id (`file_…`) goes into the evidence.

        Raises `StripeRefusedError` with `invalid_file_type` or `file_too_large` without asking Stripe.
        """
        if content_type not in EVIDENCE_TYPES:
            raise StripeRefusedError("invalid_file_type", f"{name} is {content_type}: banks read PDF, JPEG and PNG.")
        if len(content) > EVIDENCE_BYTES:
            raise StripeRefusedError("file_too_large", f"{name} has {len(content)} bytes, of {EVIDENCE_BYTES} allowed.")

        def send(key: str) -> Awaitable[stripe.File]:
            return self._client.v1.files.create_async(
                {"purpose": "dispute_evidence", "file": NamedBytes(content, name)}, {"idempotency_key": key}
            )

        async def find() -> None:
            """A file carries no key of ours, and a second copy that nothing refers to does no harm."""

        return (await self._effect(idempotency_key, send, find)).id

    async def _read_dispute(self, dispute_id: str) -> stripe.Dispute:
        return await self._call(self._client.v1.disputes.retrieve_async(dispute_id))


def _evidence(evidence: DisputeEvidence) -> DisputeUpdateParamsEvidence:
    """The fields that were given; an absent one leaves what was staged before."""
    given: DisputeUpdateParamsEvidence = {}
    for name in EVIDENCE_FIELDS:
        value: str | None = getattr(evidence, name)
        if value is not None:
            given[name] = value
    return given
