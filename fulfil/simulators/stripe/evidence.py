"""What a dispute is answered with: texts and files, within the limits of the card networks."""

from typing import cast

from fulfil.simulators.stripe.errors import StripeApiError, invalid_parameter, missing_resource, unknown_parameter
from fulfil.simulators.stripe.money_objects import File
from fulfil.simulators.stripe.objects import Json
from fulfil.simulators.stripe.parameters import Parameters
from fulfil.simulators.stripe.transaction import Transaction

FILE_FIELDS = (
    "cancellation_policy",
    "customer_communication",
    "customer_signature",
    "duplicate_charge_documentation",
    "receipt",
    "refund_policy",
    "service_documentation",
    "shipping_documentation",
    "uncategorized_file",
)
LONG_FIELDS = (
    "access_activity_log",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "duplicate_charge_explanation",
    "product_description",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "uncategorized_text",
)
SHORT_FIELDS = (
    "billing_address",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "duplicate_charge_id",
    "service_date",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_tracking_number",
)
TEXT_FIELDS = (*LONG_FIELDS, *SHORT_FIELDS)
MAX_LONG, MAX_TEXTS, MAX_FILES_BYTES = 20_000, 150_000, 4_500_000


def no_evidence() -> Json:
    """Evidence nobody gave yet."""
    return {**dict.fromkeys(sorted((*FILE_FIELDS, *TEXT_FIELDS))), "enhanced_evidence": {}}


def is_empty(evidence: Json) -> bool:
    """Whether nothing was said."""
    return not any(evidence.values())


def staged(tx: Transaction, present: Json, given: Parameters) -> Json:
    """The evidence with the given fields changed; an empty value takes one back. Raises a 400 beyond the limits."""
    evidence = dict(present)
    for name in given.values:
        if name == "enhanced_evidence":
            raise invalid_parameter("evidence[enhanced_evidence]", "This dispute is not eligible for it.")
        if name not in FILE_FIELDS and name not in TEXT_FIELDS:
            raise unknown_parameter(f"evidence[{name}]")
        text = given.text(name, MAX_LONG) if name in LONG_FIELDS else given.text(name)
        if name in FILE_FIELDS and text is not None:
            evidence_file(tx, text, f"evidence[{name}]")
        evidence[name] = text
    characters = sum(len(str(evidence[name] or "")) for name in TEXT_FIELDS)
    if characters > MAX_TEXTS:
        raise invalid_parameter("evidence", f"The combined character count of all fields is limited to {MAX_TEXTS}.")
    files = {str(evidence[name]) for name in FILE_FIELDS if evidence[name] is not None}
    if sum(evidence_file(tx, file, "evidence")["size"] for file in files) > MAX_FILES_BYTES:
        raise invalid_parameter("evidence", "The combined size of all evidence files is limited to 4.5 MB.")
    return evidence


def appealed(tx: Transaction, present: Json, given: Parameters) -> Json:
    """The evidence with the appeal's reason and files; the rest is locked."""
    for name in given.values:
        if name != "appeal":
            raise invalid_parameter(f"evidence[{name}]", "The evidence of the first round cannot be changed any more.")
    card = given.hash("appeal").hash("card")
    for name in card.values:
        if name not in {"reason_for_filing", "supporting_files"}:
            raise unknown_parameter(f"evidence[appeal][card][{name}]")
    before = cast("Json", cast("Json", present.get("appeal") or {}).get("card") or {})
    files = card.texts("supporting_files")
    for file in files or []:
        evidence_file(tx, file, "evidence[appeal][card][supporting_files]")
    reason = card.text("reason_for_filing")
    appeal: Json = {
        "reason_for_filing": reason if reason is not None else before.get("reason_for_filing"),
        "supporting_files": files if files is not None else before.get("supporting_files"),
    }
    return {**present, "appeal": {"card": appeal}}


def verdict(evidence: Json) -> str | None:
    """What the documented test texts decide: `won`, `lost` or `escalate`."""
    texts = {
        "winning_evidence": "won",
        "losing_evidence": "lost",
        "escalate_inquiry_evidence": "escalate",
    }
    return texts.get(str(evidence.get("uncategorized_text")))


def appeal_verdict(evidence: Json) -> str | None:
    """What the test texts decide as an appeal's reason."""
    card = cast("Json", cast("Json", evidence.get("appeal") or {}).get("card") or {})
    return verdict({"uncategorized_text": card.get("reason_for_filing")})


def evidence_file(tx: Transaction, identity: str, param: str) -> File:
    """A file that was uploaded as evidence; raises a 400 for any other."""
    file = tx.find("file", identity)
    if file is None:
        raise missing_resource("file upload", identity, param=param, status=400)
    if file["purpose"] != "dispute_evidence":
        message = f"The file {identity} was not uploaded with the purpose dispute_evidence."
        raise StripeApiError(400, message, param=param)
    return cast("File", file)
