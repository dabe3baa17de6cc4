"""A proof of an order's money: one JSON file, and the check of it, which needs nothing but this module and Python.

`python proof.py FILE [ROOT]` checks a file without the platform. The document (UTF-8, keys sorted, indented by two):

* `format`: `fulfil-ledger-proof/1`; `made_at`; `chain`: the order's id.
* `transactions`: the order's whole chain, oldest first: `sequence` from 1, `content` (what was booked: `business_key`,
  `kind`, `effective_at`, `currency`, `postings` as `{account: minor units, debit positive}`, the payment provider's
  `stripe_object_id` and `balance_transaction_id`, and for a correction the key it `reverses` and a `note`) and `hash`:
  SHA-256 of the previous hash (of the first: the chain's name), a line feed, and the content as JSON with sorted keys,
  no spaces, ASCII only.
* `balances`: `{currency: {account: minor units}}`, what the postings leave.
* `provider_entries`: the payment provider's own entries about its balance that the transactions name: id, type, the
  object it is about (`source_id`), amount, fee and net. The `asset:stripe…` postings of an entry sum to its net.
* `anchor`: null, or how the chain's head was part of a published Merkle root: `sequence` and `hash` of the head then,
  `path` from the leaf up as `[side, hash]`, and the `root` (see `fulfil.ledger.anchors` for leaf and node).
* `digest`: SHA-256 of the document without it, as JSON with sorted keys, no spaces, ASCII only.

The digest finds damage. Against a forger compare the root with one that was published, or a hash with an older proof.
"""

import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

FORMAT = "fulfil-ledger-proof/1"
STRIPE = "asset:stripe"
LEAST_LEGS = 2

TEXT, NUMBER, MAYBE = "text", "number", "text or null"
CONTENT = {
    "balance_transaction_id": MAYBE,
    "business_key": TEXT,
    "currency": TEXT,
    "effective_at": TEXT,
    "kind": TEXT,
    "note": MAYBE,
    "postings": "amounts",
    "reverses": MAYBE,
    "stripe_object_id": MAYBE,
}
LINK = {"sequence": NUMBER, "content": "object", "hash": "hash"}
ENTRY = {
    "id": TEXT,
    "type": TEXT,
    "source_id": MAYBE,
    "amount_minor": NUMBER,
    "fee_minor": NUMBER,
    "net_minor": NUMBER,
    "currency": TEXT,
    "created_at": TEXT,
    "available_on": TEXT,
}
ANCHOR = {"id": NUMBER, "root": "hash", "anchored_at": TEXT, "sequence": NUMBER, "hash": "hash", "path": "path"}
PROOF = {
    "format": TEXT,
    "made_at": TEXT,
    "chain": TEXT,
    "transactions": "list",
    "balances": "balances",
    "provider_entries": "list",
    "anchor": "anchor",
    "digest": "hash",
}
STEP = ("side", "hash")
HASH = re.compile(r"[0-9a-f]{64}")
CHAIN = re.compile(r"ord_[0-9a-f]{32}|platform")
# Balances of the order itself that can never turn: what is owed to, and what is reserved for or on its way to somebody.
NEVER_DEBIT = ("liability:held:", "liability:refund_due:")
NEVER_CREDIT = ("memo:authorized:", "asset:refunds_in_transit:")

Document = Mapping[str, Any]


def build_proof(
    *,
    chain: str,
    made_at: str,
    transactions: Sequence[Document],
    provider_entries: Sequence[Document],
    anchor: Document | None,
) -> dict[str, Any]:
    """The document from its parts, in the shapes of the module's description; balances and digest are worked out."""
    proof: dict[str, Any] = {
        "format": FORMAT,
        "made_at": made_at,
        "chain": chain,
        "transactions": list(transactions),
        "balances": _balances(transactions),
        "provider_entries": list(provider_entries),
        "anchor": anchor,
    }
    return {**proof, "digest": _digest(proof)}


def write_proof(proof: Document) -> str:
    """The text of a proof, the one way it is written."""
    return json.dumps(proof, indent=2, sort_keys=True, ensure_ascii=True) + "\n"


def verify_proof(document: bytes | str | Document, *, root: str | None = None) -> list[str]:
    """What is wrong with a proof: nothing, or sentences. `root` is a published root that its anchor must have.

    Takes the file's bytes (then every byte counts) or the parsed document; never raises for what it contains.
    """
    if isinstance(document, (bytes, str)):
        try:
            written = document.decode() if isinstance(document, bytes) else document
            parsed: Any = json.loads(written)
        except (ValueError, RecursionError) as error:
            return [f"It is not JSON: {error}."]
        problems = list(_malformed(parsed, PROOF, "The proof"))
        if not problems and write_proof(parsed) != written:
            problems = ["It is not written as a proof is: its bytes were changed."]
    else:
        parsed = document
        problems = list(_malformed(parsed, PROOF, "The proof"))
    problems = problems or list(_malformed_parts(parsed))
    return problems or [*_chain(parsed), *_postings(parsed), *_provider(parsed), *_anchor(parsed, root)]


def root_of(chain: str, head_hash: str, path: Sequence[Sequence[str]]) -> str:
    """The Merkle root (hex) that the head of a chain is part of, by its path of sides and siblings."""
    node = _sha256(f"\x00{chain}\n{head_hash}")
    for side, sibling in path:
        left, right = (sibling, node) if side == "left" else (node, sibling)
        node = hashlib.sha256(b"\x01" + bytes.fromhex(left) + bytes.fromhex(right)).hexdigest()
    return node


# Plain answers: the type checker would take a narrowed value for one of unknown parts.
def _is_object(value: Any) -> bool:  # noqa: ANN401 (anything may be in a file)
    return isinstance(value, Mapping)


def _is_list(value: Any) -> bool:  # noqa: ANN401 (anything may be in a file)
    return isinstance(value, list)


def _malformed(value: Any, shape: Mapping[str, str], what: str) -> Iterator[str]:  # noqa: ANN401 (anything may be in a file)
    if not _is_object(value):
        yield f"{what} is not an object."
    elif set(value) != set(shape):
        yield f"{what} has other fields than {', '.join(sorted(shape))}."
    else:
        yield from (f"{what}: {name} is no {kind}." for name, kind in shape.items() if not _is(kind, value[name]))


def _is(kind: str, value: Any) -> bool:  # noqa: ANN401 (anything may be in a file)
    return KINDS[kind](value)


def _is_step(step: Any) -> bool:  # noqa: ANN401 (anything may be in a file)
    return _is_list(step) and len(step) == len(STEP) and all(map(_is, STEP, step))


KINDS: Mapping[str, Callable[[Any], bool]] = {
    TEXT: lambda value: isinstance(value, str),
    MAYBE: lambda value: value is None or isinstance(value, str),
    NUMBER: lambda value: isinstance(value, int) and not isinstance(value, bool),
    "hash": lambda value: isinstance(value, str) and HASH.fullmatch(value) is not None,
    "side": lambda value: value in ("left", "right"),
    "list": _is_list,
    "object": _is_object,
    "anchor": lambda value: value is None or not list(_malformed(value, ANCHOR, "")),
    "path": lambda value: _is_list(value) and all(map(_is_step, value)),
    "amounts": lambda value: (
        _is_object(value) and all(_is(TEXT, key) and _is(NUMBER, amount) for key, amount in value.items())
    ),
    "balances": lambda value: _is_object(value) and all(_is("amounts", amounts) for amounts in value.values()),
}


def _malformed_parts(proof: Document) -> Iterator[str]:
    if proof["format"] != FORMAT:
        yield f"Its format is not {FORMAT}."
    if not CHAIN.fullmatch(proof["chain"]):
        yield "Its chain is no order."
    for place, link in enumerate(proof["transactions"], start=1):
        yield from _malformed_link(link, f"Transaction {place}")
    for entry in proof["provider_entries"]:
        yield from _malformed(entry, ENTRY, "An entry of the payment provider")
    if proof["digest"] != _digest({name: value for name, value in proof.items() if name != "digest"}):
        yield "Its digest is not that of its content."


def _malformed_link(link: Any, what: str) -> Iterator[str]:  # noqa: ANN401 (anything may be in a file)
    problems = list(_malformed(link, LINK, what)) or list(_malformed(link["content"], CONTENT, what))
    yield from problems
    if not problems and not _is_moment(link["content"]["effective_at"]):
        yield f"{what}: effective_at is no moment."


def _is_moment(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _chain(proof: Document) -> Iterator[str]:
    previous = proof["chain"]
    keys: set[str] = set()
    if not proof["transactions"]:
        yield "It has no transactions."
    for place, link in enumerate(proof["transactions"], start=1):
        if link["sequence"] != place:
            yield f"Transaction {place} has number {link['sequence']}: one is missing, or in the wrong place."
        if _sha256(f"{previous}\n{_compact(link['content'])}") != link["hash"]:
            yield f"Transaction {place}: the hash is not that of its content and the one before it."
        if link["content"]["business_key"] in keys:
            yield f"Transaction {place}: {link['content']['business_key']} is booked twice."
        keys.add(link["content"]["business_key"])
        previous = link["hash"]


def _postings(proof: Document) -> Iterator[str]:
    earlier: dict[str, Document] = {}
    balances: dict[tuple[str, str], int] = {}
    for place, link in enumerate(proof["transactions"], start=1):
        content = link["content"]
        postings: Mapping[str, int] = content["postings"]
        if sum(postings.values()) != 0 or len(postings) < LEAST_LEGS or not all(postings.values()):
            yield f"Transaction {place} ({content['kind']}) does not balance."
        for account, amount in postings.items():
            where = (content["currency"], account)
            balances[where] = balances.get(where, 0) + amount
            if _is_turned(account, proof["chain"], balances[where]):
                yield f"Transaction {place} ({content['kind']}) takes more from {account} than there was."
        if content["reverses"] is not None:
            wrong = earlier.get(content["reverses"])
            if wrong is None or dict(wrong["postings"]) != {name: -amount for name, amount in postings.items()}:
                yield f"Transaction {place} is not the opposite of {content['reverses']}."
        earlier[content["business_key"]] = content
    if proof["balances"] != _balances(proof["transactions"]):
        yield "Its balances are not the sums of its postings."


def _is_turned(account: str, chain: str, balance: int) -> bool:
    if not account.endswith(chain):
        return False
    return (account.startswith(NEVER_DEBIT) and balance > 0) or (account.startswith(NEVER_CREDIT) and balance < 0)


def _provider(proof: Document) -> Iterator[str]:
    entries = {entry["id"]: entry for entry in proof["provider_entries"]}
    about = {entry["source_id"]: entry["id"] for entry in reversed(proof["provider_entries"])}
    if len(entries) != len(proof["provider_entries"]):
        yield "An entry of the payment provider stands in it twice."
    booked: dict[str, int] = dict.fromkeys(entries, 0)
    for place, link in enumerate(proof["transactions"], start=1):
        content = link["content"]
        moved = [amount for account, amount in content["postings"].items() if account.startswith(STRIPE)]
        object_id = content["stripe_object_id"]
        named: str | None = content["balance_transaction_id"] or (
            object_id if object_id in entries else about.get(object_id)
        )
        if not moved:
            continue
        # Before the provider's entries were mirrored there was one account, and no entry was named.
        if named is None or named not in entries:
            if content["balance_transaction_id"] is not None or STRIPE not in content["postings"]:
                yield f"Transaction {place} ({content['kind']}) moved money at the payment provider without an entry."
            continue
        booked[named] += sum(moved)
        if entries[named]["currency"] != content["currency"]:
            yield f"Transaction {place} ({content['kind']}) is not in the currency of {named}."
    for entry in entries.values():
        if entry["amount_minor"] - entry["fee_minor"] != entry["net_minor"]:
            yield f"{entry['id']}: amount less fee is not its net."
        if booked[entry["id"]] != entry["net_minor"]:
            yield f"{entry['id']} ({entry['type']}) moved {entry['net_minor']}, the postings say {booked[entry['id']]}."


def _anchor(proof: Document, root: str | None) -> Iterator[str]:
    anchor = proof["anchor"]
    if anchor is None:
        if root is not None:
            yield "It has no anchor, and so nothing to do with the published root."
        return
    place = anchor["sequence"]
    if not 1 <= place <= len(proof["transactions"]) or proof["transactions"][place - 1]["hash"] != anchor["hash"]:
        yield "What was anchored is not in the chain: the past was changed since."
    if root_of(proof["chain"], anchor["hash"], anchor["path"]) != anchor["root"]:
        yield "The path of its anchor does not lead to the root."
    if root is not None and anchor["root"] != root:
        yield "The root of its anchor is not the published one."


def _balances(transactions: Sequence[Document]) -> dict[str, dict[str, int]]:
    balances: dict[str, dict[str, int]] = {}
    for link in transactions:
        of_currency = balances.setdefault(link["content"]["currency"], {})
        for account, amount in link["content"]["postings"].items():
            of_currency[account] = of_currency.get(account, 0) + amount
    return balances


def _digest(proof: Document) -> str:
    return _sha256(_compact(proof))


def _compact(value: Document) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    found = verify_proof(Path(sys.argv[1]).read_bytes(), root=sys.argv[2] if len(sys.argv) > LEAST_LEGS else None)
    sys.stdout.write("\n".join(found or ["Everything in it holds."]) + "\n")
    sys.exit(1 if found else 0)
