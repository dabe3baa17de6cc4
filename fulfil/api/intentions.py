"""A POST as an intention: repeated under the same key it is the same intention."""

import hashlib
from dataclasses import dataclass

from pydantic import BaseModel

from fulfil.api.access import Principal
from fulfil.models.ids import derived_id, new_id


@dataclass(frozen=True)
class Intention:
    """A POST as far as repeating it goes: who wants what, under which key (if any)."""

    subject_id: str
    key: str | None
    operation: str
    request_sha256: str

    def derive_id(self, prefix: str) -> str:
        """The id that every repetition of this request gets; a fresh one without a key."""
        if self.key is None:
            return new_id(prefix)
        return derived_id(prefix, self.subject_id, self.operation, self.key)


def intend(caller: Principal, key: str | None, operation: str, body: BaseModel | str = "") -> Intention:
    """Describe this request; `operation` names the route and the object it acts on."""
    content = body if isinstance(body, str) else body.model_dump_json()
    return Intention(caller.account_id, key, operation, hashlib.sha256(content.encode()).hexdigest())
