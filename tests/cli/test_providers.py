"""`fulfil provider`: what is read about a provider, and what is sent about her."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from fulfil.cli.main import app
from tests.cli.scripted import Answer, ScriptedApi, problem, scripted_api

PROVIDER = "prv_" + "1" * 32
ME = {
    "id": "acc_1",
    "email": "grace@example.com",
    "name": "Grace",
    "role": "provider",
    "party_id": PROVIDER,
    "created_at": "2026-11-21T00:00:00Z",
}
SHOWN: dict[str, Any] = {
    "id": PROVIDER,
    "name": "Hopper Prints",
    "business_type": "company",
    "capabilities": {"fdm": ["PLA", "PETG"]},
    "address": {"country": "DE", "postal_code": "10119", "city": "Berlin", "lines": ["12 Main Street"]},
    "time_zone": "Europe/Berlin",
    "commission_bp": 1250,
    "tier": "premium",
    "capacity_jobs": 4,
    "open_jobs": 3,
    "score": 71,
    "online": True,
    "online_at": None,
    "verification": "verified",
    "verification_note": None,
    "verified_at": "2026-11-01T00:00:00Z",
    "missing_certificates": [],
    "suspended_at": None,
    "suspension_reason": None,
    "dispatchable": False,
    "blocks": [{"code": "certificate_expired", "detail": "Insurance expired.", "remedy": "Upload a new one."}],
    "newcomer": {"jobs_left": 2, "jobs_at_a_time": 1, "job_value_minor": 500000},
    "payouts": {"account_id": "acct_1", "status": "active", "next": None},
    "completed_jobs": 3,
    "stripe_account_id": "acct_1",
    "created_at": "2026-11-01T00:00:00Z",
}
INPUTS = dict.fromkeys(
    (
        *("promised", "kept", "asked", "in_time", "median_answer_s", "p90_answer_s", "checks", "first_passed"),
        *("feedbacks", "star_points", "completed", "lost", "refunded", "charged_back"),
    ),
    9,
)
PART = {"name": "on_time", "value": 0.82, "weight": 35, "observations": 9, "evidence": "9 of 9 promised dates kept"}
SCORE = {
    "provider_id": PROVIDER,
    "score": 73,
    "version": "score-1",
    "days": 30,
    "parts": [PART],
    "inputs": INPUTS,
    "computed_at": "2026-11-21T10:00:00Z",
    "stored_score": 71,
    "stored_at": "2026-11-21T09:00:00Z",
}
FIGURES: dict[str, Any] = {
    "provider_id": PROVIDER,
    "name": "Hopper Prints",
    "days": 30,
    "score": 71,
    "response_median_s": 40,
    "response_p90_s": 80,
    "answered_in_time_rate": 0.9,
    "completion_rate": 0.75,
    "on_time_rate": 1.0,
    "first_pass_rate": None,
    "stars": 4.5,
    "completed": 3,
    "lost": 1,
    "earnings": [
        {
            "jobs": 3,
            "revenue": {"amount_minor": 3897, "currency": "eur"},
            "payout": {"amount_minor": 3312, "currency": "eur"},
            "commission": {"amount_minor": 585, "currency": "eur"},
        }
    ],
    "jobs_by_state": {"in_production": 2},
}


def answer(body: object) -> Answer:
    """As JSON."""
    return Answer(body=json.dumps(body).encode())


async def run(monkeypatch: pytest.MonkeyPatch, api: ScriptedApi, *arguments: str) -> Result:
    """The command, against this API."""
    monkeypatch.setenv("FULFIL_API_URL", api.url)
    monkeypatch.setenv("FULFIL_TOKEN", "token")
    monkeypatch.setenv("FULFIL_PASSWORD", "correct horse battery")
    return await asyncio.to_thread(CliRunner().invoke, app, ["provider", *arguments])


def sent(api: ScriptedApi, number: int = -1) -> tuple[str, str, Any]:
    """Method, path and body of a request."""
    asked = api.asked[number]
    return asked.method, asked.path.removeprefix("/api/v1"), json.loads(asked.body) if asked.body else None


async def test_show_prints_standing_score_and_figures_of_oneself(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted_api(answer(ME), answer(SHOWN), answer(SCORE), answer(FIGURES)) as api:
        result = await run(monkeypatch, api, "show")

    assert result.exit_code == 0, result.output
    for shown in (
        *("premium, 12.5 % commission", "3 of 4 in hand", "certificate_expired", "Upload a new one."),
        *("Score 73", "9 of 9 promised dates kept", "dispatch ranks by 71", "median 40 s, 90 % within 80 s"),
        *("3, lost 1 (75%)", "2 in_production", "38.97 EUR", "33.12 EUR"),
    ):
        assert shown in result.output
    assert [asked.path for asked in api.asked[1:]] == [
        f"/api/v1/providers/{PROVIDER}",
        f"/api/v1/providers/{PROVIDER}/score",
        f"/api/v1/providers/{PROVIDER}/statistics?days=30",
    ]


async def test_show_is_one_object_for_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted_api(answer(SHOWN), answer(SCORE), answer(FIGURES)) as api:
        result = await run(monkeypatch, api, "show", PROVIDER, "-o", "json")

    report = json.loads(result.output)
    assert (report["provider"]["id"], report["score"]["score"], report["statistics"]["lost"]) == (PROVIDER, 73, 1)


async def test_who_is_no_provider_has_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted_api(answer({**ME, "party_id": None})) as api:
        result = await run(monkeypatch, api, "score")
    assert "Name a PROVIDER" in str(result.exception)


async def test_lists_say_who_is_blocked_and_who_is_best(monkeypatch: pytest.MonkeyPatch) -> None:
    suspended = {**SHOWN, "suspended_at": "2026-11-20T00:00:00Z"}
    async with scripted_api(answer({"data": [SHOWN, suspended], "has_more": False})) as api:
        listed = await run(monkeypatch, api, "list")
    async with scripted_api(answer({"days": 30, "data": [FIGURES]})) as api:
        ranked = await run(monkeypatch, api, "ranking")

    assert "blocked" in listed.output
    assert "suspended" in listed.output
    assert ("100%" in ranked.output, "38.97 EUR" in ranked.output) == (True, True)


async def test_an_applicant_applies_with_a_password_nobody_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    applied = {**SHOWN, "verification": "applied", "missing_certificates": ["trade_registration"]}
    guest = {"access_token": "guest", "expires_in": 86400}
    arguments = ["--email", "grace@example.com", "--contact", "Grace", "--business", "Hopper Prints"]
    arguments += ["--country", "DE", "--postal-code", "10119", "--city", "Berlin", "--line", "12 Main Street"]
    arguments += ["--can", "fdm=PLA,PETG", "--time-zone", "Europe/Berlin"]
    async with scripted_api(answer(guest), answer({"provider": applied, "account": ME})) as api:
        result = await run(monkeypatch, api, "apply", *arguments)
        wrong = await run(monkeypatch, api, "apply", *arguments, "--can", "fdm")
        method, path, body = sent(api)

    assert result.exit_code == 0, result.output
    assert (method, path) == ("POST", "/providers/applications")
    assert (body["capabilities"], body["business_type"]) == ({"fdm": ["PLA", "PETG"]}, "company")
    assert "trade_registration" in result.output
    assert "correct horse" not in result.output
    assert "write fdm=PLA,PETG" in str(wrong.exception)


@pytest.mark.parametrize(
    ("arguments", "method", "path", "body"),
    [
        (["verify", PROVIDER], "PUT", "verification", {"verification": "verified", "note": ""}),
        (
            ["verify", PROVIDER, "--reject", "--note", "no"],
            *("PUT", "verification", {"verification": "rejected", "note": "no"}),
        ),
        (["terms", PROVIDER, "--tier", "economy"], "PATCH", "terms", {"tier": "economy"}),
        (
            ["suspend", PROVIDER, "--reason", "fraud"],
            *("PUT", "suspension", {"suspended": True, "reason": "fraud"}),
        ),
        (
            ["suspend", PROVIDER, "--reason", "cleared", "--lift"],
            *("PUT", "suspension", {"suspended": False, "reason": "cleared"}),
        ),
        (["online", PROVIDER], "PUT", "online", {"online": True, "keep_jobs": False}),
        (["online", PROVIDER, "--off", "--keep-jobs"], "PUT", "online", {"online": False, "keep_jobs": True}),
    ],
)
async def test_commands_send_what_they_say(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], method: str, path: str, body: dict[str, Any]
) -> None:
    async with scripted_api(answer({**SHOWN, "given_back": ["job_1"], "being_secured": ["job_2"]})) as api:
        result = await run(monkeypatch, api, *arguments)

    assert result.exit_code == 0, result.output
    assert sent(api) == (method, f"/providers/{PROVIDER}/{path}", body)
    assert ("Given back: job_1" in result.output) is (path in ("suspension", "online"))
    assert ("job_2" in result.output) is (path in ("suspension", "online"))


async def test_a_refusal_says_what_is_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = problem(409, "certificates_missing", detail="Not verified yet: identity.", state="applied")
    async with scripted_api(refusal) as api:
        result = await run(monkeypatch, api, "verify", PROVIDER)
    assert "Not verified yet: identity." in str(result.exception)


MACHINE: dict[str, Any] = {
    "id": "mac_" + "2" * 32,
    "provider_id": PROVIDER,
    "name": "MK4",
    "process": "fdm",
    "materials": ["PLA"],
    "volume_mm": [250, 210, 220],
    "online": True,
    "created_at": "2026-11-01T00:00:00Z",
}


async def test_machines_are_listed_after_one_was_added_or_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    adding = ["--add", "MK4", "--material", "PLA", "--volume", "250x210x220"]
    async with scripted_api(answer(MACHINE), answer({"data": [MACHINE]})) as api:
        added = await run(monkeypatch, api, "machines", PROVIDER, *adding)
        first = sent(api, 0)
    async with scripted_api(Answer(204, b""), answer({"data": []})) as api:
        await run(monkeypatch, api, "machines", PROVIDER, "--remove", MACHINE["id"])
        removed = sent(api, 0)
        wrong = await run(monkeypatch, api, "machines", PROVIDER, "--add", "MK4", "--volume", "big")

    body = {"name": "MK4", "process": "fdm", "materials": ["PLA"], "volume_mm": [250.0, 210.0, 220.0]}
    assert first == ("POST", f"/providers/{PROVIDER}/machines", body)
    assert "250 x 210 x 220" in added.output
    assert removed[:2] == ("DELETE", f"/providers/{PROVIDER}/machines/{MACHINE['id']}")
    assert "250x210x220" in str(wrong.exception)


async def test_a_calendar_keeps_what_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    closure = {
        "id": "clo_1",
        "provider_id": PROVIDER,
        "starts_at": "2126-01-01T00:00:00Z",
        "ends_at": "2126-01-08T00:00:00Z",
        "reason": "holidays",
        "created_at": "2026-11-01T00:00:00Z",
    }
    now = {
        "provider_id": PROVIDER,
        "time_zone": "Europe/Berlin",
        "working_hours": {"mon": ["09:00", "17:00"]},
        "closures": [closure],
    }
    async with scripted_api(answer(now)) as api:
        result = await run(monkeypatch, api, "calendar", PROVIDER, "--time-zone", "Europe/Vienna")
        moved = sent(api, 1)
    async with scripted_api(answer(now)) as api:
        await run(monkeypatch, api, "calendar", PROVIDER, "--hours", "tue=10:00-16:00")
        replaced = sent(api, 1)
    async with scripted_api(answer(closure), answer(now)) as api:
        span = "2126-01-01T00:00:00Z/2126-01-08T00:00:00Z"
        await run(monkeypatch, api, "calendar", PROVIDER, "--close", span, "--because", "holidays")
        closed = sent(api, 0)

    assert moved[2] == {"time_zone": "Europe/Vienna", "working_hours": {"mon": ["09:00", "17:00"]}}
    assert replaced[2] == {"time_zone": "Europe/Berlin", "working_hours": {"tue": ["10:00", "16:00"]}}
    assert closed[2] == {name: closure[name] for name in ("starts_at", "ends_at", "reason")}
    assert ("09:00 to 17:00" in result.output, "holidays" in result.output) == (True, True)


async def test_documents_are_uploaded_and_handed_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    paper = tmp_path / "policy.pdf"
    paper.write_bytes(b"%PDF-1.7")
    file = {
        "id": "fil_1",
        "name": "policy.pdf",
        "format": "pdf",
        "size_bytes": 8,
        "sha256": "0" * 64,
        "created_at": "2026-11-01T00:00:00Z",
    }
    certificate = {
        "id": "cer_1",
        "provider_id": PROVIDER,
        "kind": "liability_insurance",
        "title": "policy.pdf",
        "file_id": "fil_1",
        "required": True,
        "issued_at": None,
        "expires_at": None,
        "state": "pending",
        "expired": False,
        "decided_by": None,
        "decided_at": None,
        "note": "",
        "created_at": "2026-11-01T00:00:00Z",
    }
    listed = {"data": [certificate], "missing": ["trade_registration"]}
    async with scripted_api(answer(file), answer(certificate), answer(listed)) as api:
        arguments = ["certificates", PROVIDER, "--hand-in", str(paper), "--kind", "liability_insurance"]
        result = await run(monkeypatch, api, *arguments)
        _, path, body = sent(api, 1)
    async with scripted_api(answer(certificate), answer(listed)) as api:
        await run(monkeypatch, api, "certificates", PROVIDER, "--decide", "cer_1", "--reject", "--note", "blurred")
        decided = sent(api, 0)

    assert result.exit_code == 0, result.output
    assert (path, body["file_id"], body["title"]) == (f"/providers/{PROVIDER}/certificates", "fil_1", "policy.pdf")
    assert "Still missing: trade_registration." in result.output
    assert decided == (
        "PUT",
        f"/providers/{PROVIDER}/certificates/cer_1",
        {"state": "rejected", "note": "blurred"},
    )
