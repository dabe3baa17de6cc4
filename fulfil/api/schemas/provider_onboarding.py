"""Becoming a provider: the application with its sign-in, the documents, the decisions of administration."""

from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from fulfil.api.schemas.accounts import Account, Email, Password
from fulfil.api.schemas.base import Body, Instant, Line, Note, Representation
from fulfil.api.schemas.providers import Capabilities, Provider, ProviderAddress, TimeZone
from fulfil.models.ids import FileId
from fulfil.models.messages.providers import BusinessType, CertificateKind, CertificateState, Verification

DecisionNote = Annotated[Note, Field(description="What she is told; needed when something is rejected.")]


class ProviderApplication(Body):
    """A business that wants to make things here, and the sign-in of who applies."""

    email: Email
    password: Password
    contact_name: Line = Field(examples=["Grace Hopper"])
    business_name: Line = Field(examples=["Hopper Prints"])
    business_type: BusinessType
    address: ProviderAddress
    capabilities: Capabilities
    time_zone: TimeZone = Field(examples=["Europe/Berlin"])


class ProviderApplied(Representation):
    """The application as it was filed: sign in with the account and upload what is missing."""

    provider: Provider
    account: Account


class NewCertificate(Body):
    """A document she uploaded with `POST /files`, and what it proves."""

    kind: CertificateKind
    title: Line = Field(examples=["Liability insurance 2027"])
    file_id: FileId = Field(description="A PDF or an image of hers.")
    issued_at: AwareDatetime | None = None
    expires_at: AwareDatetime | None = Field(default=None, description="Null when it holds for ever.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.issued_at is not None and self.expires_at is not None and self.expires_at <= self.issued_at:
            raise ValueError("expires_at must be after issued_at")
        return self


class Certificate(Representation):
    """A document and what administration said of it; its content is at `GET /files/{file_id}/content`."""

    id: str
    provider_id: str
    kind: CertificateKind
    title: str
    file_id: str
    required: bool = Field(description="Whether nothing is offered to her without one of this kind in force.")
    issued_at: Instant | None
    expires_at: Instant | None
    state: CertificateState
    expired: bool
    decided_by: str | None
    decided_at: Instant | None
    note: str
    created_at: Instant


class Certificates(Representation):
    """All documents of a provider, newest first, and which are still missing."""

    data: list[Certificate]
    missing: list[CertificateKind]


def _explain(note: str, *, rejected: bool) -> None:
    if rejected and not note:
        raise ValueError("note is needed when something is rejected: say what is wrong")


class CertificateDecision(Body):
    """Administration has read the document."""

    state: CertificateState = Field(examples=["verified"])
    note: DecisionNote = ""
    required: bool | None = Field(None, description="Ask for this kind from now on, or no longer; null: as it is.")

    @model_validator(mode="after")
    def _is_decided(self) -> Self:
        if self.state is CertificateState.PENDING:
            raise ValueError("state must be verified or rejected")
        _explain(self.note, rejected=self.state is CertificateState.REJECTED)
        return self


class VerificationDecision(Body):
    """Administration takes the applicant in, or does not."""

    verification: Verification = Field(examples=["verified"])
    note: DecisionNote = ""

    @model_validator(mode="after")
    def _is_decided(self) -> Self:
        if self.verification is Verification.APPLIED:
            raise ValueError("verification must be verified or rejected")
        _explain(self.note, rejected=self.verification is Verification.REJECTED)
        return self
