"""The words of a page that aren't figures: titles, labels, and the sentences that tax law asks for."""

import re
from typing import Final, NamedTuple

from fulfil.models.messages.documents import DocumentKind, DocumentParty, DocumentSnapshot, ZeroRate


class Wording(NamedTuple):
    """What one kind of document calls things."""

    title: str
    number: str
    seller: str
    buyer: str
    open: str  # headline while nothing is paid: "{amount} due"
    settled: str  # headline once it is: "{amount} paid on {day}"
    method: str  # "Paid with"
    total: str
    corrects: str = "Corrects invoice"


WORDING: Final = {
    DocumentKind.INVOICE: Wording(
        title="Invoice",
        number="Invoice number",
        seller="From",
        buyer="Bill to",
        open="{amount} due",
        settled="{amount} paid on {day}",
        method="Paid with",
        total="Total",
    ),
    DocumentKind.RECEIPT: Wording(
        title="Receipt",
        number="Receipt number",
        seller="From",
        buyer="Received from",
        open="{amount} received",
        settled="{amount} paid on {day}",
        method="Paid with",
        total="Total",
    ),
    DocumentKind.CREDIT_NOTE: Wording(
        title="Credit note",
        number="Credit note number",
        seller="From",
        buyer="Credit to",
        open="{amount} credited",
        settled="{amount} refunded on {day}",
        method="Refunded to",
        total="Total credited",
    ),
    DocumentKind.SELF_BILLING: Wording(
        title="Self-billing invoice",
        number="Invoice number",
        seller="Supplier",
        buyer="Customer and issuer",
        open="{amount} to be paid out",
        settled="{amount} paid out on {day}",
        method="Paid out by",
        total="Payout",
    ),
}

# A document of the opposite sign takes back what another of its kind gave.
COUNTER_WORDING: Final = {
    DocumentKind.CREDIT_NOTE: Wording(
        title="Cancellation of a credit note",
        number="Document number",
        seller="From",
        buyer="To",
        open="{amount} credit cancelled",
        settled="{amount} credit cancelled on {day}",
        method="Paid with",
        total="Total cancelled",
        corrects="Cancels credit note",
    ),
    DocumentKind.SELF_BILLING: Wording(
        title="Self-billing correction",
        number="Document number",
        seller="Supplier",
        buyer="Customer and issuer",
        open="{amount} to be taken back",
        settled="{amount} taken back on {day}",
        method="Taken back by",
        total="Payout",
    ),
}

SELF_BILLING_NOTE: Final = "Self-billing: issued by the customer in the name and on behalf of the supplier."
TAX_INCLUDED: Final = "Unit prices and amounts include tax at the rate shown."
ZERO_RATE_NOTES: Final = {
    ZeroRate.REVERSE_CHARGE: "Reverse charge: no tax is charged; the recipient accounts for it.",
    ZeroRate.EXEMPT: "Exempt: no tax is charged on what is listed at 0%.",
    ZeroRate.EXPORT: "Export: no tax is charged on goods that leave the tax territory.",
    ZeroRate.NOT_REGISTERED: "No tax is charged: the supplier is not registered for it.",
}
UNTOLD_ZERO_RATE: Final = "No tax is charged on what is listed at 0%."


def wording_of(snapshot: DocumentSnapshot) -> Wording:
    """The words of its kind; other ones for a document that takes one of its kind back."""
    gives_back = snapshot.kind is DocumentKind.CREDIT_NOTE
    if snapshot.kind in COUNTER_WORDING and (snapshot.total_minor > 0 if gives_back else snapshot.total_minor < 0):
        return COUNTER_WORDING[snapshot.kind]
    return WORDING[snapshot.kind]


def zero_rate_note(snapshot: DocumentSnapshot) -> str | None:
    """Why something bears no tax, when something does not; both parties' VAT ids from two countries tell it too."""
    if not any(tax.tax_bp == 0 for tax in snapshot.taxes):
        return None
    if snapshot.zero_rate:
        return ZERO_RATE_NOTES[snapshot.zero_rate]
    seller, buyer = _country(snapshot.seller), _country(snapshot.buyer)
    crosses = seller is not None and buyer is not None and seller != buyer
    return ZERO_RATE_NOTES[ZeroRate.REVERSE_CHARGE] if crosses else UNTOLD_ZERO_RATE


def _country(party: DocumentParty) -> str | None:
    """The country a VAT id opens with, as European ones do."""
    told = re.match(r"\s*([A-Za-z]{2})", party.vat_id or "")
    return told[1].upper() if told else None
