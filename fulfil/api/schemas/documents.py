"""Documents: invoices, receipts, credit notes, statements."""

from pydantic import Field

from fulfil.api.schemas.base import Instant, Representation
from fulfil.models.messages.documents import DocumentKind, DocumentSnapshot
from fulfil.models.money import Currency


class DocumentTotal(Representation):
    """A gross amount; negative where something is given back."""

    amount_minor: int = Field(examples=[1299])
    currency: Currency = Field(examples=["eur"])


class Document(Representation):
    """One issued document; it never changes. `refers_to` is the number of the document it corrects or cancels."""

    id: str = Field(examples=["doc_01a1fd64aa6677a18c33bf20b84fe1e2"])
    kind: DocumentKind = Field(examples=["invoice"])
    number: str = Field(examples=["INV-2026-000123"])
    order_id: str = Field(examples=["ord_01a1fd64aa6677a18c33bf20b84fe1e2"])
    party_id: str = Field(description="Whose it is: customer or provider.", examples=["cus_" + "0" * 32])
    refers_to: str | None = Field(examples=[None])
    total: DocumentTotal
    issued_at: Instant
    sha256: str = Field(
        description="Of what it says, as canonical JSON; the PDF's ETag.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    pdf: str = Field(
        description="Where to download it.", examples=["/api/v1/documents/doc_01a1fd64aa6677a18c33bf20b84fe1e2/pdf"]
    )


class DocumentDetail(Document):
    """A document with everything it says."""

    content: DocumentSnapshot


class Documents(Representation):
    """The documents of an order, in the order they were issued."""

    data: list[Document]
