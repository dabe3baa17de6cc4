"""Services, deliverables and milestones on the command line: what is asked of the API, and what people read."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from fulfil.api.schemas.deliverables import Deliverable
from fulfil.cli.deliverable_views import facts_of, milestone_of
from fulfil.cli.exits import WrongUsageError
from fulfil.cli.main import app
from fulfil.cli.offered_services import basis_points, planned_part
from tests.cli.scripted import Answer, ScriptedApi, scripted_api

ID, PROPOSAL, FILE = "del_" + "1" * 32, "pln_" + "2" * 32, "fil_" + "3" * 32
FIRST, SECOND = "mil_" + "4" * 32, "mil_" + "5" * 32
AT = "2027-02-01T12:00:00Z"


def milestone(identity: str, position: int, **changed: Any) -> dict[str, Any]:
    """One that awaits its submission."""
    return {
        "id": identity,
        "position": position,
        "title": f"Part {position}",
        "state": "pending",
        "stands": "open",
        "percent": 0,
        "share_bp": 5000,
        "amount": {"amount_minor": 25_000, "currency": "eur"},
        "payout": None,
        "due_at": AT,
        "delayed_at": None,
        "submitted_at": None,
        "review_due_at": None,
        "rejected_at": None,
        "completed_at": None,
        "checklist": {"state": "pending", "checks": [], "checked_at": None},
        "allowed_actions": [],
        **changed,
    }


def deliverable(**changed: Any) -> dict[str, Any]:
    """Two milestones, the first in review, the second late."""
    return {
        "id": ID,
        "order_id": "ord_" + "6" * 32,
        "line_id": "lin_" + "7" * 32,
        "provider_id": "prv_" + "8" * 32,
        "provider_name": "Printworks",
        "customer_id": None,
        "title": "Design of a housing",
        "state": "in_review",
        "milestones": [
            milestone(FIRST, 1, stands="in_review", review_due_at="2027-01-09T12:00:00Z", submitted_at=AT, percent=80),
            milestone(SECOND, 2, state="delayed", delayed_at=AT, share_bp=1250),
        ],
        "revisions_included": 2,
        "revisions_left": 1,
        "checklist": ["Walls", "Closed surface"],
        "plan_proposal": None,
        "feedback": None,
        "next": None,
        "allowed_actions": ["approve"],
        "opened_at": AT,
        "closed_at": None,
        "close_reason": None,
        **changed,
    }


def answer(body: object) -> Answer:
    """An answer in JSON."""
    return Answer(body=json.dumps(body).encode())


async def run(monkeypatch: pytest.MonkeyPatch, api: ScriptedApi, *arguments: str) -> Result:
    """A command, against this API."""
    monkeypatch.setenv("FULFIL_API_URL", api.url)
    monkeypatch.setenv("FULFIL_TOKEN", "token")
    return await asyncio.to_thread(CliRunner().invoke, app, [*arguments])


COMMANDS: list[tuple[tuple[str, ...], tuple[str, str], object]] = [
    (("approve", ID), ("PUT", "approve"), {"milestone_id": None}),
    (("approve", ID, "--milestone", "1"), ("PUT", "approve"), {"milestone_id": FIRST}),
    (("reject", ID, "--reason", "wrong"), ("PUT", "reject"), {"milestone_id": None, "reason": "wrong"}),
    (
        ("revise", ID, "Higher", "--due", "2027-02-01"),
        ("POST", "revisions"),
        {"milestone_id": None, "text": "Higher", "due_at": "2027-02-01T00:00:00+00:00"},
    ),
    (
        ("submit", ID, "2", "--note", "done"),
        ("POST", "submit"),
        {"milestone_id": SECOND, "note": "done", "file_ids": []},
    ),
    (("draft", ID, SECOND), ("POST", "draft"), {"milestone_id": SECOND, "note": "", "file_ids": []}),
    (
        ("check", ID, "2", "--failed", "Walls"),
        ("POST", "checklist"),
        {
            "milestone_id": SECOND,
            "checks": [{"name": "Walls", "passed": False}, {"name": "Closed surface", "passed": True}],
        },
    ),
    (("begin", ID, "rev_1"), ("POST", "revisions/rev_1/begin"), {}),
    (("complete", ID), ("POST", "complete"), {}),
    (
        ("feedback", ID, "--quality", "5", "--communication", "4", "--timeliness", "3"),
        ("POST", "feedback"),
        {"quality": 5, "communication": 4, "timeliness": 3, "comment": ""},
    ),
    (
        ("plan", ID, "--milestone", "2=Model: final:2027-02-01:40", "--milestone", "Drawing:2027-03-01:12.5"),
        ("POST", "plan"),
        {
            "milestones": [
                {
                    "milestone_id": SECOND,
                    "title": "Model: final",
                    "due_at": "2027-02-01T00:00:00+00:00",
                    "share_bp": 4000,
                },
                {
                    "milestone_id": None,
                    "title": "Drawing",
                    "due_at": "2027-03-01T00:00:00+00:00",
                    "share_bp": 1250,
                },
            ],
            "note": "",
        },
    ),
    (("plan", ID, "--accept", PROPOSAL), ("POST", "plan/accept"), {"proposal_id": PROPOSAL}),
    (
        ("plan", ID, "--decline", PROPOSAL, "--note", "late"),
        ("POST", "plan/decline"),
        {"proposal_id": PROPOSAL, "reason": "late"},
    ),
    (("plan", ID, "--withdraw", PROPOSAL), ("POST", "plan/withdraw"), {"proposal_id": PROPOSAL}),
]


async def test_every_command_asks_for_its_route(monkeypatch: pytest.MonkeyPatch) -> None:
    for words, (method, action), body in COMMANDS:
        async with scripted_api(answer(deliverable())) as api:
            ended = await run(monkeypatch, api, "deliverable", *words, "-o", "json")
        asked = api.asked[-1]
        assert ended.exit_code == 0, (words, ended.output)
        assert (asked.method, asked.path) == (method, f"/api/v1/deliverables/{ID}/{action}")
        assert json.loads(asked.body) == body
        assert json.loads(ended.stdout)["id"] == ID


async def test_files_are_uploaded_before_they_are_submitted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    drawing = tmp_path / "drawing.pdf"
    drawing.write_bytes(b"%PDF-1.7")
    stored = {"id": FILE, "name": "drawing.pdf", "format": "pdf", "size_bytes": 8, "sha256": "0" * 64, "created_at": AT}
    async with scripted_api(answer(deliverable()), answer(stored), answer(deliverable())) as api:
        ended = await run(monkeypatch, api, "deliverable", "submit", ID, "1", "--file", str(drawing))
    assert ended.exit_code == 0, ended.output
    assert [asked.path for asked in api.asked][1:] == [
        "/api/v1/files?purpose=submission",
        f"/api/v1/deliverables/{ID}/submit",
    ]
    assert json.loads(api.asked[-1].body)["file_ids"] == [FILE]


async def test_a_plan_is_proposed_or_answered_not_both(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted_api(answer(deliverable())) as api:
        for words in ((), ("--accept", PROPOSAL, "--withdraw", PROPOSAL)):
            ended = await run(monkeypatch, api, "deliverable", "plan", ID, *words)
            assert isinstance(ended.exception, WrongUsageError)
    assert not api.asked


async def test_milestones_are_reported_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted_api(answer(deliverable())) as api:
        await run(monkeypatch, api, "milestone", "progress", SECOND, "60", "--note", "half")
        await run(monkeypatch, api, "milestone", "complete", SECOND)
    assert [(asked.method, asked.path, json.loads(asked.body)) for asked in api.asked] == [
        ("PUT", f"/api/v1/milestones/{SECOND}/progress", {"percent": 60, "note": "half"}),
        ("POST", f"/api/v1/milestones/{SECOND}/complete", {"note": ""}),
    ]


async def test_services_are_offered_and_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    service = {
        "id": "svc_" + "9" * 32,
        "provider_id": "prv_" + "8" * 32,
        "provider_name": "Printworks",
        "title": "Design",
        "description": "Design",
        "price": {"amount_minor": 50_000, "currency": "eur"},
        "milestones": [{"title": "All of it", "days": 7, "share_bp": 10_000}],
        "revisions_included": 1,
        "checklist": ["Walls"],
        "active": True,
        "created_at": AT,
    }
    words = ("Design", "--price", "500.00", "--milestone", "All of it:7:100", "--revisions", "1", "--check", "Walls")
    async with scripted_api(answer(service), answer({"data": [service], "has_more": False})) as api:
        created = await run(monkeypatch, api, "service", "create", *words)
        listed = await run(monkeypatch, api, "service", "list", "--provider", "prv_1")
    assert (created.exit_code, listed.exit_code) == (0, 0), created.output
    sent = json.loads(api.asked[0].body)
    assert {name: sent[name] for name in sent} == {
        name: service[name]
        for name in ("title", "description", "price", "milestones", "revisions_included", "checklist")
    }
    assert "provider_id=prv_1" in api.asked[1].path
    assert "500.00 EUR" in listed.stdout


def test_a_deliverable_reads_as_people_say_it() -> None:
    proposal = {
        "id": PROPOSAL,
        "proposed_by": "customer",
        "milestones": [{"milestone_id": None, "title": "All", "due_at": AT, "share_bp": 10_000}],
        "note": "",
        "state": "open",
        "created_at": AT,
    }
    facts = facts_of(Deliverable.model_validate(deliverable(plan_proposal=proposal)))
    assert facts["milestone 1"] == "Part 1: in review until 2027-01-09, 80 % done, 50 %, 250.00 EUR"
    assert facts["milestone 2"] == "Part 2: open until 2027-02-01, late, 12.5 %, 250.00 EUR"
    assert facts["revisions"] == "1 of 2 left"
    assert facts["called off"] is None
    assert facts["plan"] == f"{PROPOSAL} by the customer: All by 2027-02-01 (100 %)"


def test_a_number_means_the_milestone_that_was_not_called_off() -> None:
    gone = milestone("mil_" + "0" * 32, 1, title="Before", stands="cancelled", state="cancelled")
    shown = Deliverable.model_validate(deliverable(milestones=[gone, milestone(FIRST, 1)]))
    assert (milestone_of(shown, "1"), milestone_of(shown, gone["id"])) == (FIRST, gone["id"])
    assert facts_of(shown)["called off"] == "Before"


def test_shares_are_percentages_of_two_decimals() -> None:
    assert [basis_points(text) for text in ("30", "12.5", "0.01", "100 %")] == [3000, 1250, 1, 10_000]
    assert planned_part("Model: final:14:70") == {"title": "Model: final", "days": 14, "share_bp": 7000}
    for text in ("-1", "12.345", "a half"):
        with pytest.raises(WrongUsageError):
            basis_points(text)
    for text in ("Model", "Model:70", "Model:soon:70", ":1:1"):
        with pytest.raises(WrongUsageError):
            planned_part(text)
    with pytest.raises(WrongUsageError, match="1, 2"):
        milestone_of(Deliverable.model_validate(deliverable()), "3")
