"""What follows from an account's capabilities: what Stripe still wants, and how `/v1` shows the account."""

from datetime import datetime
from typing import cast

from fulfil.simulators.stripe.errors import JsonObject

DUE = "individual.verification.document"
NOTHING_DUE: JsonObject = {
    "alternatives": [],
    "current_deadline": None,
    "currently_due": [],
    "disabled_reason": None,
    "errors": [],
    "eventually_due": [],
    "past_due": [],
    "pending_verification": [],
}
V1_STATUS = {"active": "active", "pending": "pending"}


def transfers_status(account: JsonObject) -> str | None:
    """The state of the capability to receive transfers; None when it was never requested."""
    node: JsonObject | None = account
    for step in ("configuration", "recipient", "capabilities", "stripe_balance", "stripe_transfers", "status"):
        node = cast("JsonObject | None", node[step]) if node else None
    return cast("str | None", node)


def requirements_of(account: JsonObject) -> JsonObject:
    """What somebody has to do before the capability is active, as `/v2` tells it."""
    status = transfers_status(account)
    if status not in ("restricted", "pending"):
        return {"alternatives": None, "entries": [], "summary": {"minimum_deadline": None}}
    deadline = "past_due" if status == "restricted" else "currently_due"
    entry: JsonObject = {
        "awaiting_action_from": "user" if status == "restricted" else "stripe",
        "description": "identity.individual.documents.primary_verification",
        "errors": [],
        "impact": {
            "restricts_capabilities": [
                {
                    "capability": "stripe_balance.stripe_transfers",
                    "configuration": "recipient",
                    "deadline": {"status": deadline},
                }
            ]
        },
        "minimum_deadline": {"status": deadline},
        "reference": None,
        "requested_reasons": [{"code": "routine_onboarding"}],
    }
    summary = {"minimum_deadline": {"status": deadline, "time": None}}
    return {"alternatives": None, "entries": [entry], "summary": summary}


def v1_account(account: JsonObject) -> JsonObject:
    """The account as `GET /v1/accounts/{id}` shows it."""
    status = transfers_status(account)
    identity = cast("JsonObject", account["identity"])
    defaults = cast("JsonObject", account["defaults"])
    responsibilities = cast("JsonObject", defaults["responsibilities"])
    profile = cast("JsonObject", defaults.get("profile") or {})
    active = status == "active" and not account["closed"]
    created = datetime.fromisoformat(str(account["created"]))
    country = identity["country"]
    return {
        "id": account["id"],
        "object": "account",
        "business_profile": {
            "annual_revenue": None,
            "estimated_worker_count": None,
            "mcc": None,
            "minority_owned_business_designation": None,
            "name": profile.get("doing_business_as"),
            "product_description": profile.get("product_description"),
            "specified_commercial_transactions_act_url": None,
            "support_address": None,
            "support_email": None,
            "support_phone": None,
            "support_url": None,
            "url": profile.get("business_url"),
        },
        "business_type": identity["entity_type"],
        "capabilities": {} if status is None else {"transfers": V1_STATUS.get(status, "inactive")},
        # A recipient never takes payments itself.
        "charges_enabled": False,
        "controller": {
            "fees": {"payer": _payer(responsibilities["fees_collector"])},
            "is_controller": True,
            "losses": {"payments": responsibilities["losses_collector"] or "stripe"},
            "requirement_collection": responsibilities["requirements_collector"],
            "stripe_dashboard": {"type": account["dashboard"] or "none"},
            "type": "application",
        },
        "country": str(country).upper() if country else "US",
        "created": int(created.timestamp()),
        "default_currency": defaults["currency"] or "usd",
        "details_submitted": active or status == "pending",
        "email": account["contact_email"],
        "external_accounts": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/accounts/{account['id']}/external_accounts",
        },
        "future_requirements": NOTHING_DUE,
        "metadata": account["metadata"],
        "payouts_enabled": active,
        "requirements": _v1_requirements(status),
        "settings": _SETTINGS,
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": "none" if account["dashboard"] in (None, "none") else "express",
    }


def _payer(collector: object) -> str:
    return str(collector) if collector and collector != "stripe" else "account"


def _v1_requirements(status: str | None) -> JsonObject:
    if status == "restricted":
        due = {"currently_due": [DUE], "eventually_due": [DUE], "past_due": [DUE]}
        return {**NOTHING_DUE, **due, "disabled_reason": "requirements.past_due"}
    if status == "pending":
        pending = {"pending_verification": [DUE], "disabled_reason": "requirements.pending_verification"}
        return {**NOTHING_DUE, **pending}
    if status in ("rejected", "unsupported"):
        return {**NOTHING_DUE, "disabled_reason": "rejected.other"}
    return NOTHING_DUE


_SETTINGS: JsonObject = {
    "bacs_debit_payments": {"display_name": None, "service_user_number": None},
    "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
    "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
    "card_payments": {
        "decline_on": {"avs_failure": False, "cvc_failure": False},
        "statement_descriptor_prefix": None,
        "statement_descriptor_prefix_kana": None,
        "statement_descriptor_prefix_kanji": None,
    },
    "dashboard": {"display_name": None, "timezone": "Etc/UTC"},
    "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": "offer"},
    "payments": {
        "statement_descriptor": None,
        "statement_descriptor_kana": None,
        "statement_descriptor_kanji": None,
        "statement_descriptor_prefix_kana": None,
        "statement_descriptor_prefix_kanji": None,
    },
    "payouts": {
        "debit_negative_balances": True,
        "schedule": {"delay_days": 2, "interval": "daily"},
        "statement_descriptor": None,
    },
    "sepa_debit_payments": {},
}
