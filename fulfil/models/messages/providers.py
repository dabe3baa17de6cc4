"""What is said about providers: their business, their verification, the documents that are asked of them."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class BusinessType(StrEnum):
    """Who stands behind a provider."""

    INDIVIDUAL = "individual"
    COMPANY = "company"


class Verification(StrEnum):
    """Whether administration knows her; only who is verified is offered work."""

    APPLIED = "applied"
    VERIFIED = "verified"
    REJECTED = "rejected"


class CertificateKind(StrEnum):
    """What a document proves."""

    IDENTITY = "identity"
    TRADE_REGISTRATION = "trade_registration"
    TAX_REGISTRATION = "tax_registration"
    LIABILITY_INSURANCE = "liability_insurance"
    QUALITY_MANAGEMENT = "quality_management"
    MATERIAL = "material"
    OTHER = "other"


class CertificateState(StrEnum):
    """What administration said of a document."""

    PENDING = "pending"
    VERIFIED = "verified"
    REJECTED = "rejected"


class Weekday(StrEnum):
    """Days of the week as calendars name them, Monday first."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


REQUIRED_CERTIFICATES: Mapping[BusinessType, tuple[CertificateKind, ...]] = MappingProxyType(
    {
        BusinessType.INDIVIDUAL: (CertificateKind.IDENTITY, CertificateKind.TAX_REGISTRATION),
        BusinessType.COMPANY: (CertificateKind.TRADE_REGISTRATION, CertificateKind.LIABILITY_INSURANCE),
    }
)
"""What must be verified, and in force, before an applicant can be."""
