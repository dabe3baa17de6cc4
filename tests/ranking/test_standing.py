"""Standing: every fact that blocks a provider, and those that do not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fulfil.ranking.standing import CertificateFact, ProviderStanding, standing_blocks

AT = datetime(2030, 1, 1, tzinfo=UTC)
GOOD = ProviderStanding(verification="verified", online=True, payouts_status="active")
VALID = CertificateFact("insurance", "verified", required=True, expires_at=AT + timedelta(seconds=1))


def codes(standing: ProviderStanding, at: datetime = AT) -> list[str]:
    return [block.code for block in standing_blocks(standing, at)]


def test_a_verified_provider_who_is_online_is_not_blocked() -> None:
    assert codes(GOOD) == []
    assert codes(replace(GOOD, payouts_status=None, certificates=(VALID,))) == []


@pytest.mark.parametrize(
    ("fact", "code"),
    [
        ({"verification": "applied"}, "provider_applied"),
        ({"verification": "rejected"}, "provider_rejected"),
        ({"suspended": True, "suspension_reason": "fraud"}, "provider_suspended"),
        ({"online": False}, "provider_offline"),
        ({"payouts_status": "restricted"}, "payouts_restricted"),
        ({"payouts_status": "closed"}, "payouts_restricted"),
        ({"certificates": (replace(VALID, expires_at=AT),)}, "certificate_expired"),
        ({"certificates": (replace(VALID, state="rejected"),)}, "certificate_missing"),
    ],
)
def test_each_fact_blocks_by_its_own_code(fact: dict[str, object], code: str) -> None:
    [block] = standing_blocks(replace(GOOD, **fact), AT)  # type: ignore[arg-type]
    assert block.code == code
    assert block.detail
    assert block.remedy


def test_a_certificate_expires_at_its_moment_and_a_newer_one_covers_it() -> None:
    standing = replace(GOOD, certificates=(VALID,))
    assert codes(standing, AT + timedelta(seconds=1)) == ["certificate_expired"]
    renewed = replace(standing, certificates=(VALID, replace(VALID, expires_at=None)))
    assert codes(renewed, AT + timedelta(days=1)) == []


def test_an_uploaded_document_blocks_nothing_before_it_is_decided() -> None:
    pending = replace(VALID, state="pending")
    assert codes(replace(GOOD, certificates=(pending,))) == []
    waiting = replace(GOOD, certificates=(replace(VALID, expires_at=AT), pending))
    [block] = standing_blocks(waiting, AT)
    assert (block.code, "checked" in block.remedy) == ("certificate_expired", True)


def test_a_document_nobody_requires_may_expire() -> None:
    assert codes(replace(GOOD, certificates=(replace(VALID, required=False, expires_at=AT),))) == []


def test_all_blocks_are_named_the_gravest_first() -> None:
    standing = ProviderStanding(verification="applied", online=False, suspended=True, payouts_status="closed")
    assert codes(standing) == ["provider_applied", "provider_suspended", "payouts_restricted", "provider_offline"]
