"""A proof holds, a tampered one does not, and the check needs nothing of ours."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from fulfil.cli.benches.ledger_books import sold
from fulfil.ledger import entries, proof
from fulfil.ledger.anchors import Head, anchor, inclusion_path, leaf_of, merkle_root
from fulfil.ledger.posting import post
from fulfil.ledger.proof import build_proof, verify_proof, write_proof
from fulfil.ledger.proving import prove_order
from tests.ledger.desk import NOW, Desk

REFUNDED_LATE = 2


def sample() -> str:
    """A proof made in memory, anchored among other orders."""
    books = sold(5)
    heads = [Head(chain, *head) for chain, head in sorted(books.heads.items())]
    place = 3
    chain, length = heads[place].chain, heads[place].sequence
    leaves = [leaf_of(head) for head in heads]
    rows = [row for row in books.rows["ledger_transactions"] if row[3] == chain]
    legs = books.rows["ledger_postings"]
    names = {row[5] for row in rows}
    return write_proof(
        build_proof(
            chain=chain,
            made_at="2026-11-21T00:00:00.000000+00:00",
            transactions=[
                {
                    "sequence": row[9],
                    "hash": row[10],
                    "content": {
                        "business_key": row[1],
                        "kind": row[2],
                        "stripe_object_id": row[4],
                        "balance_transaction_id": row[5],
                        "effective_at": row[6].isoformat(timespec="microseconds"),  # type: ignore[attr-defined]
                        "currency": "eur",
                        "note": None,
                        "reverses": None,
                        "postings": {leg[1]: leg[2] for leg in legs if leg[0] == row[0]},
                    },
                }
                for row in rows
            ],
            provider_entries=[
                {
                    **dict(
                        zip(
                            ("id", "type", "source_id", "amount_minor", "fee_minor", "net_minor", "currency"),
                            row,
                            strict=False,
                        )
                    ),
                    "available_on": "2026-01-01T00:00:00.000000+00:00",
                    "created_at": "2026-01-01T00:00:00.000000+00:00",
                }
                for row in books.rows["balance_transactions"]
                if row[0] in names
            ],
            anchor={
                "id": 1,
                "root": merkle_root(leaves),
                "anchored_at": "2026-01-02T00:00:00.000000+00:00",
                "sequence": length,
                "hash": heads[place].hash,
                "path": [list(step) for step in inclusion_path(leaves, place)],
            },
        )
    )


SAMPLE = sample()


def redone(change: Any) -> list[str]:
    """What is found after a forger changed the document and worked balances and digest out again."""
    parsed = json.loads(SAMPLE)
    change(parsed)
    again = build_proof(
        chain=parsed["chain"],
        made_at=parsed["made_at"],
        transactions=parsed["transactions"],
        provider_entries=parsed["provider_entries"],
        anchor=parsed["anchor"],
    )
    return verify_proof(write_proof(again))


def test_a_proof_holds_as_text_and_as_a_document() -> None:
    assert verify_proof(SAMPLE) == []
    assert verify_proof(SAMPLE.encode()) == []
    assert verify_proof(json.loads(SAMPLE)) == []
    assert verify_proof(SAMPLE, root=json.loads(SAMPLE)["anchor"]["root"]) == []


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, len(SAMPLE) - 1), byte=st.integers(0, 255))
def test_any_changed_byte_is_found(place: int, byte: int) -> None:
    tampered = bytearray(SAMPLE.encode())
    if tampered[place] != byte:
        tampered[place] = byte
        assert verify_proof(bytes(tampered))


@settings(max_examples=100, deadline=None)
@given(place=st.integers(0, len(SAMPLE) - 1), length=st.integers(1, 40))
def test_any_cut_is_found(place: int, length: int) -> None:
    assert verify_proof(SAMPLE[:place] + SAMPLE[place + length :])


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PATHS = st.lists(st.integers(0, 8), min_size=1, max_size=4)


@settings(max_examples=300, deadline=None)
@given(path=PATHS, value=ANYTHING)
def test_anything_put_anywhere_is_found_and_raises_nothing(path: list[int], value: Any) -> None:
    parsed = json.loads(SAMPLE)
    holder, key = where(parsed, path)
    before = holder[key]
    holder[key] = value
    if json.dumps(before) != json.dumps(value):
        assert verify_proof(parsed)


def where(parsed: Any, path: list[int]) -> tuple[Any, Any]:
    """A place in a document, as deep as the path goes or the document is."""
    holder: Any = parsed
    key: Any = sorted(parsed)[path[0] % len(parsed)]
    for step in path[1:]:
        inner = cast("dict[str, Any] | list[Any] | str | int | None", holder[key])
        if not isinstance(inner, (dict, list)) or not inner:
            break
        keys: list[Any] = sorted(inner) if isinstance(inner, dict) else list(range(len(inner)))
        holder, key = inner, keys[step % len(keys)]
    return holder, key


@given(ANYTHING)
def test_what_is_no_proof_at_all_is_told_so(value: Any) -> None:
    assert verify_proof(json.dumps(value))
    assert verify_proof("[" * 100_000)


def _drop_last(parsed: Any) -> None:
    parsed["transactions"].pop()


def _drop_middle(parsed: Any) -> None:
    del parsed["transactions"][2]


def _raise_amount(parsed: Any) -> None:
    content = parsed["transactions"][2]["content"]
    content["postings"] = {account: amount * 2 for account, amount in content["postings"].items()}


def _other_order(parsed: Any) -> None:
    parsed["chain"] = "ord_" + "0" * 32


def _drop_entry(parsed: Any) -> None:
    parsed["provider_entries"].pop()


def _cheaper_entry(parsed: Any) -> None:
    parsed["provider_entries"][0]["amount_minor"] -= 1
    parsed["provider_entries"][0]["net_minor"] -= 1


def _other_root(parsed: Any) -> None:
    parsed["anchor"]["root"] = "0" * 64


def _wrong_net(parsed: Any) -> None:
    parsed["provider_entries"][0]["fee_minor"] += 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_drop_last, "What was anchored is not in the chain"),
        (_drop_middle, "one is missing"),
        (_raise_amount, "the hash is not that of its content"),
        (_other_order, "Transaction 1: the hash"),
        (_drop_entry, "without an entry"),
        (_cheaper_entry, "the postings say"),
        (_wrong_net, "amount less fee is not its net"),
        (_other_root, "does not lead to the root"),
    ],
)
def test_a_forger_who_works_the_digest_out_again_is_found_by_what_it_does_not_cover(change: Any, said: str) -> None:
    assert any(said in problem for problem in redone(change))


def test_a_published_root_must_be_that_of_the_proof() -> None:
    assert verify_proof(SAMPLE, root="1" * 64) == ["The root of its anchor is not the published one."]
    unanchored = json.loads(SAMPLE) | {"anchor": None}
    del unanchored["digest"], unanchored["balances"], unanchored["format"]
    text = write_proof(build_proof(**unanchored))
    assert verify_proof(text) == []
    assert verify_proof(text, root="1" * 64) == ["It has no anchor, and so nothing to do with the published root."]


def test_the_check_runs_without_the_platform(tmp_path: Path) -> None:
    alone = tmp_path / "proof.py"
    alone.write_text(Path(proof.__file__).read_text())
    (tmp_path / "good.json").write_text(SAMPLE)
    (tmp_path / "bad.json").write_text(SAMPLE.replace('"eur"', '"usd"', 1))
    for name, code in (("good.json", 0), ("bad.json", 1)):
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(alone), str(tmp_path / name)], capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 13])
def test_every_leaf_has_a_path_to_the_root(size: int) -> None:
    heads = [Head(f"ord_{number:032x}", 1, f"{number:064x}") for number in range(size)]
    leaves = [leaf_of(head) for head in heads]
    assert len({merkle_root(leaves[:count]) for count in range(1, size + 1)}) == size
    for place, head in enumerate(heads):
        path = inclusion_path(leaves, place)
        assert proof.root_of(head.chain, head.hash, path) == merkle_root(leaves)
        assert proof.root_of(head.chain, "f" * 64, path) != merkle_root(leaves)


async def test_every_order_of_the_books_can_be_proved_with_its_anchor(desk: Desk) -> None:
    async with desk.worker.begin() as session:
        root = await anchor(session, NOW)
    assert root is not None
    for order_id in desk.order_ids:
        async with desk.api.begin() as session:
            made = await prove_order(session, order_id, NOW)
        assert verify_proof(write_proof(made), root=root) == []
        assert made["anchor"]["sequence"] == len(made["transactions"])


async def test_a_past_that_was_shortened_is_found_by_the_anchor(desk: Desk) -> None:
    order_id = desk.order_ids[REFUNDED_LATE]
    async with desk.worker.begin() as session:
        await anchor(session, NOW)
    number = await desk.number_of(order_id, "refund_succeeded")
    await desk.forge(
        "DELETE FROM ledger_postings WHERE transaction_id = :id",
        "DELETE FROM ledger_transactions WHERE id = :id",
        id=number,
    )
    async with desk.api.begin() as session:
        made = await prove_order(session, order_id, NOW)
    assert verify_proof(write_proof(made)) == ["The path of its anchor does not lead to the root."]


async def test_an_anchor_waits_for_who_is_posting_so_that_no_smaller_number_appears_later(desk: Desk) -> None:
    order_id, posted = desk.order_ids[0], asyncio.Event()

    async def post_slowly() -> None:
        async with desk.worker.begin() as session:
            await post(
                session,
                entries.goodwill(order_id, 5),
                business_key="slow",
                order_id=order_id,
                effective_at=NOW,
                currency="eur",
            )
            posted.set()
            await until_waited_for(desk)

    async def anchor_meanwhile() -> None:
        await posted.wait()
        async with desk.worker.begin() as session:
            await anchor(session, NOW)

    await asyncio.gather(post_slowly(), anchor_meanwhile())
    async with desk.api.begin() as session:
        made = await prove_order(session, order_id, NOW)
    assert made["anchor"]["sequence"] == len(made["transactions"])
    assert made["transactions"][-1]["content"]["business_key"] == "slow"
    assert verify_proof(write_proof(made)) == []


async def until_waited_for(desk: Desk) -> None:
    """Until somebody waits for a lock on the ledger."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'ledger_transactions'::regclass")
    async with asyncio.timeout(10):
        while True:
            async with desk.owner.begin() as session:
                if await session.scalar(waiting):
                    return
            await asyncio.sleep(0.01)


async def test_the_api_may_not_anchor(desk: Desk) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with desk.api.begin() as session:
            await anchor(session, NOW)
