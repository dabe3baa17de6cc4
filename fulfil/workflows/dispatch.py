"""The offers of a job: who is asked, who claimed it, and what is tried next."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from temporalio.exceptions import ApplicationError

from fulfil.models.messages.jobs import (
    AcceptanceOutcome,
    AcceptanceSecured,
    AcceptOffer,
    BeginRound,
    DeclineOffer,
    JobState,
    OfferedTo,
    OfferWave,
    OpenWave,
    RedispatchJob,
    Stage,
    StartJob,
)
from fulfil.models.messages.parties import SYSTEM, WaitingOn
from fulfil.models.messages.policies import OrderPolicies
from fulfil.workflows.refusals import refusal


@dataclass
class Dispatch:
    """One round of offers. A claim is taken in one statement, so one history orders all claims."""

    round: int
    stage: Stage
    number: int
    open_offers: dict[str, str]
    closed_offers: dict[str, str] = field(default_factory=dict[str, str])
    claim: AcceptOffer | None = None
    secured: AcceptanceSecured | None = None
    choices: int = 0
    refused: AcceptanceSecured | None = None
    chosen: dict[str, str] = field(default_factory=dict[str, str])
    chosen_until: datetime | None = None
    is_opening: bool = False
    is_overtime: bool = False

    @classmethod
    def of_round(cls, number: int, wave: OfferWave) -> "Dispatch":
        """A new round begins with its first wave already offered."""
        return cls(number, wave.stage, wave.number, {offer.offer_id: offer.provider_id for offer in wave.offers})

    def expire(self) -> None:
        """The time of these offers is over: from now on none of them can be claimed."""
        self.closed_offers.update(dict.fromkeys(self.open_offers, "offer_expired"))
        self.open_offers = {}

    def next_wave(self, wave: OfferWave) -> None:
        """These are open now, and whom support asked meanwhile; the open board may open an expired offer again."""
        self.is_opening = False
        self.stage, self.number = wave.stage, wave.number
        self.open_offers = {offer.offer_id: offer.provider_id for offer in wave.offers} | self.chosen
        for offer_id in self.open_offers:
            self.closed_offers.pop(offer_id, None)

    def following(self, policies: OrderPolicies) -> tuple[Stage, int] | None:
        """What is tried when nobody of this wave accepts: more waves, the open board, the operator, nothing."""
        if self.stage is Stage.WAVE and self.number < policies.offer_waves:
            return Stage.WAVE, self.number + 1
        if self.stage is Stage.WAVE:
            return Stage.OPEN_BOARD, self.number + 1
        if self.stage is Stage.OPEN_BOARD:
            return Stage.OPERATOR, self.number + 1
        return None

    def opening(self, job: StartJob, stage: Stage, number: int) -> OpenWave:
        """The request that opens the next offers of this round; until they are open no claim is secured."""
        self.is_opening, self.chosen = True, {}
        return OpenWave(
            job_id=job.job_id,
            order_id=job.order_id,
            round=self.round,
            stage=stage,
            number=number,
            policies=job.policies,
        )

    def beginning_anew(self, job: StartJob, redispatch: RedispatchJob | None, *, given_up: bool) -> BeginRound:
        """The request for the round after this one, asked for by a person, the provider or the clock."""
        reason = "the provider gave the job back" if given_up else "production did not start in time"
        return BeginRound(
            job_id=job.job_id,
            order_id=job.order_id,
            round=self.round + 1,
            actor=redispatch.actor if redispatch else SYSTEM,
            reason=redispatch.reason if redispatch else reason,
            only_if_not_started=redispatch is None and not given_up,
            only_if_not_shipped=redispatch is not None and redispatch.only_if_not_shipped,
            policies=job.policies,
        )

    def lasts(self, policies: OrderPolicies) -> timedelta:
        """How long the current stage waits."""
        seconds = {
            Stage.WAVE: policies.offer_wave_s,
            Stage.OPEN_BOARD: policies.open_board_s,
            Stage.OPERATOR: policies.operator_decides_s,
        }
        return timedelta(seconds=seconds[self.stage])

    def described(self, ends_at: datetime) -> tuple[str, WaitingOn, datetime, str]:
        """Who is asked, until when, and what happens then; for `say`."""
        if self.stage is Stage.OPERATOR:
            asked = ", ".join(self.open_offers.values())
            what = f"Support asked {asked}" if asked else "No provider accepted; support decides"
            return what, WaitingOn.PROVIDER if asked else WaitingOn.SUPPORT, ends_at, "the order is cancelled"
        where = f"wave {self.number}" if self.stage is Stage.WAVE else "the open board"
        asked = ", ".join(self.open_offers.values())
        return f"Offered in {where} to {asked}", WaitingOn.PROVIDER, ends_at, "the next are asked"

    @property
    def provider_id(self) -> str:
        """Who has the job."""
        return self.secured.provider_id if self.secured else "the provider"

    @property
    def claim_pending(self) -> bool:
        """Somebody claimed, and it is not yet known what came of it."""
        return self.claim is not None and self.secured is None

    @property
    def nobody_left(self) -> bool:
        """Everyone who was asked said no (or nobody could be asked): no use waiting for the clock."""
        return not self.open_offers and self.claim is None and (self.stage is not Stage.OPERATOR or self.is_overtime)

    def check(self, answer: AcceptOffer | DeclineOffer) -> None:
        """Refuse an answer to an offer that is not open, or not this provider's."""
        if self.is_claimed_by(answer):
            return
        counters = isinstance(answer, AcceptOffer) and answer.counter_id is not None
        if counters and self.claim is None and self.closed_offers.get(answer.offer_id) == "offer_expired":
            return  # what she offered instead outlives her offer
        if answer.offer_id in self.closed_offers:
            raise self._closed(self.closed_offers[answer.offer_id])
        if self.open_offers.get(answer.offer_id) != answer.provider_id:
            raise self._closed("offer_not_open")
        if self.claim is not None:
            raise self._closed("offer_lost")

    def is_claimed_by(self, answer: AcceptOffer | DeclineOffer) -> bool:
        """The same provider accepts the same offer once more: a retry, not a race."""
        return self.claim is not None and self.claim.offer_id == answer.offer_id

    def offer_too(self, offer: OfferedTo, until: datetime | None) -> None:
        """Support asked this provider as well, who has a time of her own."""
        self.open_offers[offer.offer_id] = self.chosen[offer.offer_id] = offer.provider_id
        self.closed_offers.pop(offer.offer_id, None)
        self.chosen_until = max(self.chosen_until or until, until) if until is not None else self.chosen_until

    def goes_on(self, now: datetime) -> bool:
        """Whether support's turn is over, but not the time of whom she asked last."""
        asked = self.stage is Stage.OPERATOR and bool(self.open_offers)
        self.is_overtime = asked and self.chosen_until is not None and now < self.chosen_until
        return self.is_overtime

    def decline(self, offer_id: str) -> None:
        """This provider said no."""
        self.open_offers.pop(offer_id, None)
        self.chosen.pop(offer_id, None)
        self.closed_offers[offer_id] = "offer_declined"

    def settle(self, secured: AcceptanceSecured) -> None:
        """What came of the claim: the job is taken, or stays open to the others."""
        if secured.outcome is AcceptanceOutcome.REFUSED:
            self.refused = secured
            self.drop_claim(secured.code or "acceptance_refused")
            return
        self.secured = secured
        if secured.outcome is AcceptanceOutcome.SECURED:
            lost = (offer for offer in self.open_offers if offer != secured.offer_id)
            self.closed_offers.update(dict.fromkeys(lost, "offer_lost"))
        self.open_offers = {}

    def drop_claim(self, code: str) -> None:
        """The claim failed; its offer is closed, the others stay open. A counter-offer that is over closes nothing."""
        if self.claim is not None and not code.startswith("counter_"):
            self.open_offers.pop(self.claim.offer_id, None)
            self.closed_offers[self.claim.offer_id] = code
        self.claim = None

    def not_secured(self, acceptance: AcceptOffer) -> ApplicationError:
        """Why this provider, who claimed, does not have the job."""
        if self.secured is not None and self.secured.outcome is not AcceptanceOutcome.SECURED:
            detail = self.secured.detail or "The order is not available any more."
            return refusal(self.secured.code or self.secured.outcome.value, detail, state=JobState.CANCELLED)
        if self.refused is not None and self.refused.offer_id == acceptance.offer_id:
            detail = self.refused.detail or "This offer is not open (any more)."
            return refusal(self.refused.code or "acceptance_refused", detail, state=JobState.OFFERED)
        return self._closed(self.closed_offers.get(acceptance.offer_id, "offer_withdrawn"))

    def _closed(self, code: str) -> ApplicationError:
        details = {
            "offer_lost": "Another provider accepted this job first.",
            "offer_expired": "The offer has expired; newer offers are on your list.",
            "offer_declined": "You declined this offer.",
            "offer_withdrawn": "The job was taken back.",
            "stock_gone": "Your stock of the material is not enough any more: record new stock, or accept other jobs.",
        }
        state = JobState.ACCEPTED if self.claim else JobState.OFFERED
        return refusal(code, details.get(code, "This offer is not open (any more)."), state=state)
