"""The ledger's commands: what they ask the API, what they say, how they end."""

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fulfil.api.schemas.ledger import (
    AccountClassBalance,
    LedgerCheck,
    LedgerTransaction,
    OrderLedger,
    Posting,
    TrialBalance,
)
from fulfil.cli.ledger import imbalances
from fulfil.models.messages.reconciliation import Finding, FindingKind
from tests.cli.scripted import Answer, ScriptedApi, problem, scripted_api
from tests.ledger.test_proof import SAMPLE

AT = datetime(2026, 11, 21, tzinfo=UTC)
ORDER = "ord_" + "1" * 32
NOWHERE = "http://127.0.0.1:9"


def ledger(*amounts: int) -> OrderLedger:
    """One transaction of these amounts."""
    postings = [
        Posting(account="a", meaning="", amount_minor=one, currency="eur", amount=f"{one} ct", why=f"because of {one}")
        for one in amounts
    ]
    transaction = LedgerTransaction(
        id=1,
        sequence=1,
        kind="charge",
        meaning="",
        business_key="k",
        stripe_object_id=None,
        balance_transaction_id=None,
        reverses=None,
        note=None,
        effective_at=AT,
        postings=postings,
        hash="0" * 64,
    )
    return OrderLedger(order_id=ORDER, story=["The customer paid."], transactions=[transaction], balances=[])


def checked(*findings: Finding) -> Answer:
    """An answer of the checks."""
    told = LedgerCheck(checked_at=AT, orders=1, transactions=7, findings=list(findings))
    return Answer(body=told.model_dump_json().encode())


async def fulfil(api: ScriptedApi | None, *words: str, folder: Path) -> tuple[int, str, str]:
    """Run the command as a process; exit code, output, errors."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fulfil.cli.main", "ledger", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env={
            "FULFIL_API_URL": api.url if api else NOWHERE,
            "FULFIL_TOKEN": "x",
            "FULFIL_DATA_DIR": str(folder),
        },
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize(("amounts", "wrong"), [((5, -5), 0), ((5, -4), 1), ((), 1), ((5, -3, -2), 0)])
def test_a_transaction_out_of_balance_is_named(amounts: Sequence[int], wrong: int) -> None:
    assert len(imbalances(ledger(*amounts))) == wrong


async def test_an_orders_ledger_is_shown_with_reasons_and_a_story(tmp_path: Path) -> None:
    answer = Answer(body=ledger(5, -5).model_dump_json().encode())
    async with scripted_api(answer) as api:
        code, out, _ = await fulfil(api, "show", ORDER, folder=tmp_path)
        as_json = await fulfil(api, "show", ORDER, "-o", "json", folder=tmp_path)
    assert code == 0
    assert "because of 5" in out
    assert out.rstrip().endswith("The customer paid.")
    assert json.loads(as_json[1])["story"] == ["The customer paid."]
    assert [asked.path for asked in api.asked] == [f"/api/v1/support/orders/{ORDER}/ledger"] * 2


async def test_sound_books_end_with_0(tmp_path: Path) -> None:
    async with scripted_api(checked()) as api:
        assert await fulfil(api, "verify", folder=tmp_path) == (
            0,
            "7 transactions of 1 order(s): every cent is where it must be.\n",
            "",
        )
        assert (await fulfil(api, "verify", ORDER, folder=tmp_path))[0] == 0
    assert [asked.path for asked in api.asked] == [
        "/api/v1/support/ledger/check",
        f"/api/v1/support/orders/{ORDER}/ledger/check",
    ]


async def test_findings_are_a_table_of_what_where_by_how_much_and_what_helps_and_end_with_1(tmp_path: Path) -> None:
    found = Finding(
        kind=FindingKind.MISSING_IN_LEDGER,
        subject="txn_1",
        detail="no posting",
        remedy="post it",
        amount_minor=1299,
        currency="eur",
    )
    async with scripted_api(checked(found)) as api:
        code, out, err = await fulfil(api, "verify", folder=tmp_path)
        json_code, as_json, _ = await fulfil(api, "verify", "-o", "json", folder=tmp_path)
    assert (code, json_code) == (1, 1)
    assert all(word in out for word in ("missing_in_ledger", "txn_1", "12.99 EUR", "no posting", "post it"))
    assert "1 finding(s) in the books." in err
    assert json.loads(as_json)["findings"][0]["subject"] == "txn_1"


async def test_an_order_nobody_knows_ends_with_3(tmp_path: Path) -> None:
    async with scripted_api(problem(404, "not_found")) as api:
        assert (await fulfil(api, "verify", ORDER, folder=tmp_path))[0] == 3


async def test_a_proof_is_written_as_it_came_and_checked_without_any_server(tmp_path: Path) -> None:
    async with scripted_api(Answer(body=SAMPLE.encode())) as api:
        assert (await fulfil(api, "prove", ORDER, folder=tmp_path))[0] == 0
        assert (await fulfil(api, "prove", ORDER, "-f", "mine.json", folder=tmp_path))[0] == 0
        assert (await fulfil(api, "prove", ORDER, "-f", "no/where.json", folder=tmp_path))[0] == 2
    written = tmp_path / f"{ORDER}.proof.json"
    assert written.read_text() == SAMPLE == (tmp_path / "mine.json").read_text()

    good = await fulfil(None, "check-proof", "mine.json", folder=tmp_path)
    assert good == (0, "Everything in mine.json holds.\n", "")
    rooted = await fulfil(None, "check-proof", "mine.json", "--root", "1" * 64, folder=tmp_path)
    assert (rooted[0], "not the published one" in rooted[1]) == (1, True)
    (tmp_path / "mine.json").write_text(SAMPLE.replace("eur", "usd"))
    bad = await fulfil(None, "check-proof", "mine.json", folder=tmp_path)
    assert (bad[0], "digest" in bad[1], "proves nothing" in bad[2]) == (1, True, True)
    assert (await fulfil(None, "check-proof", "none.json", folder=tmp_path))[0] == 2


async def test_the_trial_balance_is_a_table(tmp_path: Path) -> None:
    row = AccountClassBalance(
        account="liability:held",
        meaning="Held for the order",
        currency="eur",
        accounts=3,
        debit_minor=100,
        credit_minor=400,
        balance_minor=-300,
        balance="-3.00 EUR",
    )
    trial = TrialBalance(as_of=AT, data=[row])
    async with scripted_api(Answer(body=trial.model_dump_json().encode())) as api:
        code, out, _ = await fulfil(api, "balances", folder=tmp_path)
    assert code == 0
    assert all(word in out for word in ("liability:held", "1.00 EUR", "4.00 EUR", "-3.00 EUR"))
