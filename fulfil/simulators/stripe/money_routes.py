"""The operations on money that was taken: captures, refunds, transfers, payouts, disputes and the balance."""

import re

from fulfil.simulators.stripe import (
    captures,
    disputes,
    files,
    money_lists,
    payouts,
    refunds,
    reversals,
    topups,
    transfers,
)
from fulfil.simulators.stripe.amending import amending
from fulfil.simulators.stripe.balances import retrieve_balance
from fulfil.simulators.stripe.charge_updates import update_charge
from fulfil.simulators.stripe.listing import CURSORS, listing, retrieving
from fulfil.simulators.stripe.routing import Operation, Route, action, readable

CAPTURE = (
    "amount_to_capture application_fee_amount final_capture metadata payment_details "
    "statement_descriptor statement_descriptor_suffix transfer_data"
)
CREATE_REFUND = (
    "amount charge currency customer instructions_email metadata origin payment_intent reason refund_application_fee "
    "reverse_transfer"
)
CREATE_TRANSFER = "amount currency description destination metadata source_transaction source_type transfer_group"
CREATE_PAYOUT = "amount currency description destination metadata method payout_method source_type statement_descriptor"
CREATE_TOPUP = "amount currency description metadata source statement_descriptor transfer_group"
UPDATE_CHARGE = "customer description fraud_details metadata receipt_email shipping transfer_group"
UPDATE_DISPUTE = "evidence intended_submission_method metadata submit"
ENTRY_FILTERS = "created currency payout source type"
WARNING = "radar.early_fraud_warning"


def _listed(path: str, operation: Operation, kind: str, filters: str = "created") -> Route:
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[A-Za-z0-9_]+)", path))
    return Route("GET", pattern, operation, kind, frozenset([*CURSORS, *filters.split()]), listed=True)


def _single(kind: str, url: str, param: str = "id") -> Route:
    return action("GET", f"{url}/{{id}}", retrieving(kind, param), kind, "")


CHARGES: list[Route] = [
    action(
        "POST",
        "/v1/payment_intents/{id}/capture",
        captures.capture_payment_intent,
        "payment_intent",
        CAPTURE,
        unsimulated="amount_details hooks",
    ),
    *readable("charge", "/v1/charges", "customer payment_intent transfer_group"),
    action("POST", "/v1/charges/{id}", update_charge, "charge", UPDATE_CHARGE),
    action(
        "POST",
        "/v1/charges/{id}/capture",
        captures.capture_charge,
        "charge",
        "amount receipt_email statement_descriptor statement_descriptor_suffix transfer_group",
        unsimulated="application_fee application_fee_amount transfer_data",
    ),
    _listed("/v1/charges/{id}/refunds", money_lists.list_charge_refunds, "refund", ""),
    action("POST", "/v1/refunds", refunds.create_refund, "refund", CREATE_REFUND),
    *readable("refund", "/v1/refunds", "charge payment_intent"),
    action("POST", "/v1/refunds/{id}", amending("refund", "refund.updated"), "refund", "metadata"),
    action("POST", "/v1/refunds/{id}/cancel", refunds.cancel_refund, "refund", ""),
]
TRANSFERS: list[Route] = [
    action("POST", "/v1/transfers", transfers.create_transfer, "transfer", CREATE_TRANSFER),
    *readable("transfer", "/v1/transfers", "destination transfer_group"),
    action(
        "POST",
        "/v1/transfers/{id}",
        amending("transfer", "transfer.updated", ("description",)),
        "transfer",
        "description metadata",
    ),
    action(
        "POST",
        "/v1/transfers/{id}/reversals",
        reversals.create_reversal,
        "transfer_reversal",
        "amount description metadata refund_application_fee",
    ),
    _listed("/v1/transfers/{id}/reversals", reversals.list_reversals, "transfer_reversal", ""),
    action("GET", "/v1/transfers/{id}/reversals/{reversal}", reversals.retrieve_reversal, "transfer_reversal", ""),
    action(
        "POST", "/v1/transfers/{id}/reversals/{reversal}", reversals.update_reversal, "transfer_reversal", "metadata"
    ),
]
BALANCES: list[Route] = [
    action("GET", "/v1/balance", retrieve_balance, "balance", ""),
    _listed(
        "/v1/balance_transactions",
        money_lists.list_balance_transactions,
        "balance_transaction",
        ENTRY_FILTERS,
    ),
    _single("balance_transaction", "/v1/balance_transactions"),
    # The same under its older name.
    _listed("/v1/balance/history", money_lists.list_balance_transactions, "balance_transaction", ENTRY_FILTERS),
    _single("balance_transaction", "/v1/balance/history"),
    action("POST", "/v1/payouts", payouts.create_payout, "payout", CREATE_PAYOUT),
    _listed("/v1/payouts", money_lists.list_payouts, "payout", "arrival_date created destination status"),
    _single("payout", "/v1/payouts", "payout"),
    action("POST", "/v1/payouts/{id}", amending("payout", "payout.updated", param="payout"), "payout", "metadata"),
    action("POST", "/v1/payouts/{id}/cancel", payouts.cancel_payout, "payout", ""),
    action("POST", "/v1/payouts/{id}/reverse", payouts.reverse_payout, "payout", "metadata"),
    action(
        "POST",
        "/v1/topups",
        topups.create_topup,
        "topup",
        CREATE_TOPUP,
        unsimulated="payment_method payment_method_options",
    ),
    _listed("/v1/topups", money_lists.list_topups, "topup", "amount created status"),
    _single("topup", "/v1/topups", "topup"),
    action(
        "POST", "/v1/topups/{id}", amending("topup", "", ("description",), "topup"), "topup", "description metadata"
    ),
    action("POST", "/v1/topups/{id}/cancel", topups.cancel_topup, "topup", ""),
]
DISPUTES: list[Route] = [
    *readable("dispute", "/v1/disputes", "charge payment_intent", "dispute"),
    action("POST", "/v1/disputes/{id}", disputes.update_dispute, "dispute", UPDATE_DISPUTE),
    action("POST", "/v1/disputes/{id}/close", disputes.close_dispute, "dispute", ""),
    _listed(
        "/v1/radar/early_fraud_warnings",
        listing(WARNING, "/v1/radar/early_fraud_warnings", ("charge", "payment_intent")),
        WARNING,
        "charge created payment_intent",
    ),
    _single(WARNING, "/v1/radar/early_fraud_warnings", "early_fraud_warning"),
    action("POST", "/v1/files", files.create_file, "file", "file purpose", unsimulated="file_link_data"),
    *readable("file", "/v1/files", "purpose", "file"),
]
MONEY_ROUTES: list[Route] = [*CHARGES, *TRANSFERS, *BALANCES, *DISPUTES]
