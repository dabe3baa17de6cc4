"""Failures on demand: a plan for requests and one for webhooks, kept in the database until removed."""

import random
import re
import sqlite3
from enum import StrEnum
from typing import cast

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

from fulfil.simulators.stripe.errors import JsonObject
from fulfil.simulators.stripe.tables import read_setting, write_setting

FAULTS = "faults"


class FaultMode(StrEnum):
    """`drop` closes the connection without an answer; before or after tells whether the effect was done.

    A 500 is stored under the request's idempotency key, as at Stripe; a rate limit is not.
    """

    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    ERROR_500_BEFORE = "error_500_before"
    ERROR_500_AFTER = "error_500_after"
    RATE_LIMIT = "rate_limit"
    LOCK_TIMEOUT = "lock_timeout"
    DELAY = "delay"


# A rate limit strikes before anything of the request is read; a replay executes nothing, so it can't fail in that.
LIMITS = frozenset([FaultMode.RATE_LIMIT])
STRIKES = frozenset(FaultMode) - LIMITS
REPLAY_STRIKES = STRIKES - {FaultMode.ERROR_500_BEFORE, FaultMode.ERROR_500_AFTER}


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
    _draws: int = PrivateAttr(default=0)

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
        """Give each line dice of its own, so that one seed gives one storm, restarts included."""
        del context
        if self.seed is None:
            self.seed = random.getrandbits(32)

    def matches(self, line: str) -> bool:
        """Whether it may hit this request."""
        return (self.count is None or self.struck < self.count) and re.fullmatch(self.match, line) is not None

    def strikes(self) -> bool:
        """Throw the dice for a request that matches; a hit is counted."""
        self._draws += 1
        hit = random.Random(f"{self.seed}/{self._draws}").random() < self.probability
        self.struck += hit
        return hit

    def state(self) -> JsonObject:
        """What a restart must know."""
        return {"fault": self.model_dump(mode="json", exclude={"struck"}), "struck": self.struck, "draws": self._draws}

    @classmethod
    def restored(cls, state: JsonObject) -> "Fault":
        """The line as it was."""
        fault = cls.model_validate(state["fault"])
        fault.struck = cast("int", state["struck"])
        fault._draws = cast("int", state["draws"])  # noqa: SLF001 (its own class)
        return fault


class FaultPlan:
    """The faults in force; a rate limit comes first, else the first that strikes wins."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        kept = cast("list[JsonObject]", read_setting(connection, FAULTS) or [])
        self._faults = [Fault.restored(state) for state in kept]

    @property
    def faults(self) -> list[Fault]:
        """The lines, with how often each struck."""
        return self._faults

    @faults.setter
    def faults(self, faults: list[Fault]) -> None:
        self._faults = faults
        self._keep()

    def take(self, method: str, path: str, modes: frozenset[FaultMode]) -> Fault | None:
        """The fault of these modes that strikes this request, if any."""
        line = f"{method} {path}"
        thrown = False
        for fault in self._faults:
            if fault.mode not in modes or not fault.matches(line):
                continue
            thrown = True
            if fault.strikes():
                self._keep()
                return fault
        if thrown:
            self._keep()
        return None

    def _keep(self) -> None:
        write_setting(self._connection, FAULTS, [fault.state() for fault in self._faults] or None)


class WebhookFaults(BaseModel):
    """How deliveries misbehave: extra copies, a share never sent, a delay, or up to `reorder_s` at random."""

    model_config = ConfigDict(extra="forbid")

    duplicate: int = Field(default=0, ge=0, le=20)
    drop: float = Field(default=0, ge=0, le=1)
    delay_s: float = Field(default=0, ge=0, le=86_400)
    reorder_s: float = Field(default=0, ge=0, le=60)
    seed: int | None = None

    def times(self, now: float, draws: int) -> list[float]:
        """When each copy of a new event goes out, the `draws`-th decided upon; none when it is dropped."""
        dice = random.Random(f"{self.seed}/{draws}")
        if dice.random() < self.drop:
            return []
        return [now + self.delay_s + dice.random() * self.reorder_s for _ in range(1 + self.duplicate)]
