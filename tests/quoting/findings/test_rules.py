"""What findings make of a quote: firm, provisional until risks are accepted, manual while anything blocks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulfil.models.messages.findings import Finding, FindingCode, Severity
from fulfil.models.messages.prices import QuoteVerdict
from fulfil.quoting.findings.rules import by_gravity, decide_status, merge_findings

findings = st.lists(
    st.builds(
        Finding, code=st.sampled_from(FindingCode), severity=st.sampled_from(Severity), message=st.just("A sentence.")
    )
)


def finding(severity: Severity, code: FindingCode = FindingCode.THIN_WALL) -> Finding:
    return Finding(code=code, severity=severity, message="A sentence.")


@pytest.mark.parametrize(
    ("severities", "verdict"),
    [
        ([], QuoteVerdict.FIRM),
        ([Severity.INFO, Severity.WARNING], QuoteVerdict.FIRM),
        ([Severity.RISK], QuoteVerdict.PROVISIONAL),
        ([Severity.RISK, Severity.BLOCKER], QuoteVerdict.MANUAL),
        ([Severity.BLOCKER, Severity.INFO], QuoteVerdict.MANUAL),
    ],
)
def test_the_gravest_finding_decides(severities: list[Severity], verdict: QuoteVerdict) -> None:
    assert decide_status([finding(severity) for severity in severities], ()) is verdict


def test_an_accepted_risk_is_firm_and_another_one_is_not() -> None:
    risks = [finding(Severity.RISK), finding(Severity.RISK, FindingCode.MESH_OPEN)]
    assert decide_status(risks, {FindingCode.THIN_WALL}) is QuoteVerdict.PROVISIONAL
    assert decide_status(risks, {FindingCode.THIN_WALL, FindingCode.MESH_OPEN}) is QuoteVerdict.FIRM


def test_a_blocker_can_not_be_accepted() -> None:
    assert decide_status([finding(Severity.BLOCKER)], set(FindingCode)) is QuoteVerdict.MANUAL


@given(findings, st.sets(st.sampled_from(FindingCode)))
def test_order_does_not_matter_and_accepting_more_never_makes_it_worse(
    found: list[Finding], accepted: set[FindingCode]
) -> None:
    worth = list(reversed(QuoteVerdict)).index
    verdict = decide_status(found, accepted)
    assert decide_status(reversed(found), accepted) is verdict
    assert decide_status(by_gravity(found), accepted) is verdict
    assert worth(decide_status(found, set(FindingCode))) >= worth(verdict)


def test_what_was_measured_is_not_said_twice() -> None:
    measured = [finding(Severity.WARNING, FindingCode.MESH_OPEN), finding(Severity.INFO, FindingCode.SEAMS_CLOSED)]
    judged = [finding(Severity.RISK, FindingCode.MESH_OPEN), finding(Severity.RISK)]
    assert merge_findings(measured, judged) == (judged[1], measured[0], measured[1])
