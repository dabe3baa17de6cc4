"""Failures on demand: a plan for requests and one for webhooks, kept in memory until removed or restarted."""

import random
import re
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator


class FaultMode(StrEnum):
    """`drop` closes the connection without an answer; before or after tells whether the effect was done.

    A 500 is stored under the request's idempotency key, as at Stripe; a rate limit is not.
    """

    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    ERROR_500_BEFORE = "error_500_before"
    ERROR_500_AFTER = "error_500_after"
    RATE_LIMIT = "rate_limit"
    DELAY = "delay"


EXECUTION_FAULTS = frozenset([FaultMode.ERROR_500_BEFORE, FaultMode.ERROR_500_AFTER])


class Fault(BaseModel):
    """One line of the plan: `match` is a regular expression over the whole of `POST /v1/transfers`.

    It strikes `count` times (for ever without one), each time with `probability`, drawn from `seed`.
    """

    model_config = ConfigDict(extra="forbid")

    match: str
    mode: FaultMode
    delay_s: float = Field(default=0, ge=0, le=600)
    count: int | None = Field(default=None, ge=1)
    probability: float = Field(default=1, ge=0, le=1)
    seed: int | None = None
    struck: int = Field(default=0, ge=0, le=0)
    _dice: random.Random = PrivateAttr(default_factory=random.Random)

    @field_validator("match")
    @classmethod
    def compiles(cls, value: str) -> str:
        """Refuse what is no regular expression."""
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value

    def model_post_init(self, context: object, /) -> None:
        """Start this line's own dice, so that one seed gives one storm."""
        del context
        self._dice = random.Random(self.seed)

    def strikes(self, line: str) -> bool:
        """Whether it hits this request; a hit is counted."""
        if self.count is not None and self.struck >= self.count:
            return False
        if not re.fullmatch(self.match, line) or self._dice.random() >= self.probability:
            return False
        self.struck += 1
        return True


class FaultPlan:
    """The faults in force; the first that strikes wins."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def take(self, method: str, path: str, *, replay: bool) -> Fault | None:
        """The fault of this request; a replay executes nothing, so only the network can fail it."""
        line = f"{method} {path}"
        candidates = (fault for fault in self.faults if not (replay and fault.mode in EXECUTION_FAULTS))
        return next((fault for fault in candidates if fault.strikes(line)), None)


class WebhookFaults(BaseModel):
    """How deliveries misbehave: extra copies, a share never sent, a delay, or up to `reorder_s` at random."""

    model_config = ConfigDict(extra="forbid")

    duplicate: int = Field(default=0, ge=0, le=20)
    drop: float = Field(default=0, ge=0, le=1)
    delay_s: float = Field(default=0, ge=0, le=86_400)
    reorder_s: float = Field(default=0, ge=0, le=60)
    seed: int | None = None
    _dice: random.Random = PrivateAttr(default_factory=random.Random)

    def model_post_init(self, context: object, /) -> None:
        """Start the dice."""
        del context
        self._dice = random.Random(self.seed)

    def times(self, now: float) -> list[float]:
        """When each copy of a new event goes out; none when it is dropped."""
        if self._dice.random() < self.drop:
            return []
        return [now + self.delay_s + self._dice.random() * self.reorder_s for _ in range(1 + self.duplicate)]
