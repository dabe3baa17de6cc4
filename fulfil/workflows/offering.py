"""The first half of the job process: offered in waves, on the open board, by support; claimed and secured once."""

from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

from fulfil.models.messages.jobs import AcceptanceOutcome, AcceptOffer, SecureAcceptance, Stage
from fulfil.models.messages.parties import WaitingOn
from fulfil.models.messages.payments import CapturePayment
from fulfil.workflows import attributes
from fulfil.workflows.dispatch import Dispatch
from fulfil.workflows.job_frame import JobFrame, PaymentLostError, TakenBackError
from fulfil.workflows.ports.jobs import JobActivities
from fulfil.workflows.ports.payments import PaymentActivities
from fulfil.workflows.production import Promise
from fulfil.workflows.steps import RETRY_OR_CANCEL, StepCancelledError, say


class Offering(JobFrame):
    """The steps from the first wave to the provider who has the job, in the order `run()` takes them."""

    async def find_provider(self) -> bool:
        """Wave after wave, the open board, the operator; True when one provider has the job."""
        policies = self.job.policies
        while self.dispatch.secured is None:
            if await self._accepted_in_this_wave():
                break
            if self.production.withdrawn is not None:
                raise TakenBackError
            if self.production.redispatch is not None:
                await self.begin_round()
                continue
            following = self.dispatch.following(policies)
            if following is None:
                return False
            await self._open_wave(*following)
        return True

    async def begin_round(self) -> None:
        """Offer the job anew, unless production started (or the work left) at the last moment."""
        await workflow.wait_condition(lambda: not self.dispatch.claim_pending)
        request = self.dispatch.beginning_anew(self.job, self.production.redispatch, given_up=self.production.given_up)
        begun = await self.steps.database(JobActivities.begin_round, request)
        if begun.wave is None:
            self.production.redispatch = None
            self.production.given_up = False
            self.production.started_at = self.production.started_at or workflow.now()
            if self.production.promise is not None and request.only_if_not_shipped:
                self.production.promise.go_on(workflow.now())
            return
        self.production.begin_anew(self.job.job_id)
        self.dispatch = Dispatch.of_round(begun.round, begun.wave)

    async def secure(self, dispatch: Dispatch, acceptance: AcceptOffer) -> None:
        """Make a claim real; what came of it stands in the dispatch."""
        request = SecureAcceptance(
            job_id=self.job.job_id,
            order_id=self.job.order_id,
            offer_id=acceptance.offer_id,
            provider_id=acceptance.provider_id,
            actor=acceptance.actor,
            policies=self.job.policies,
            counter_id=acceptance.counter_id,
        )
        if dispatch.is_opening:
            # Opening a wave drops the claims support gave up: a counter-offer taken meanwhile is none of them.
            await workflow.wait_condition(lambda: not dispatch.is_opening)
        try:
            secured = await self.steps.money(PaymentActivities.secure_acceptance, request, RETRY_OR_CANCEL)
        except StepCancelledError:
            dispatch.drop_claim("acceptance_refused")
        else:
            dispatch.settle(secured)

    async def _accepted_in_this_wave(self) -> bool:
        ends_at = workflow.now() + self.dispatch.lasts(self.job.policies)
        while not self.production.interrupted and not self.dispatch.nobody_left:
            say(*self.dispatch.described(ends_at))
            capture_first = self.capture_due_at is not None and self.capture_due_at < ends_at
            in_time = await self.until(
                lambda: self.dispatch.claim is not None or self.dispatch.nobody_left,
                self.capture_due_at if capture_first else ends_at,
            )
            if self.dispatch.claim is not None:
                if await self._claim_secured():
                    return True
            elif capture_first and not in_time:
                await self._capture_payment()
            elif not in_time and self.dispatch.goes_on(workflow.now()):
                ends_at = self.dispatch.chosen_until or ends_at
            elif not self.dispatch.nobody_left:
                break
        self.dispatch.expire()
        return False

    async def _claim_secured(self) -> bool:
        say("A provider accepted: material is being reserved, the payment captured", WaitingOn.SYSTEM)
        await workflow.wait_condition(lambda: not self.dispatch.claim_pending)
        secured = self.dispatch.secured
        if secured is None:
            return False
        if secured.outcome is AcceptanceOutcome.PAYMENT_LOST:
            raise PaymentLostError
        if secured.outcome is AcceptanceOutcome.WITHDRAWN:
            await workflow.wait_condition(lambda: self.production.withdrawn is not None)
            raise TakenBackError
        self.capture_due_at = None
        if secured.due_at is not None and self.watches_dates:
            self.production.promise = Promise(made_at=workflow.now(), due_at=secured.due_at)
        return True

    async def _capture_payment(self) -> None:
        """The bank is about to let the money go: take it, and go on looking for a provider."""
        say("The payment is captured before the bank lets it go", WaitingOn.SYSTEM)
        request = CapturePayment(order_id=self.job.order_id)
        capture = await self.steps.money(PaymentActivities.capture_payment, request)
        self.capture_due_at = None
        if self.production.withdrawn is not None:
            raise TakenBackError
        if not capture.captured:
            self.dispatch.expire()
            raise PaymentLostError

    async def _open_wave(self, stage: Stage, number: int) -> None:
        request = self.dispatch.opening(self.job, stage, number)
        self.dispatch.next_wave(await self.steps.database(JobActivities.open_wave, request))
        waiting = WaitingOn.SUPPORT if stage is Stage.OPERATOR else WaitingOn.PROVIDER
        upserts: list[SearchAttributeUpdate[Any]] = [
            attributes.WAITING_ON.value_set(waiting),
            attributes.DEADLINE.value_set(workflow.now() + self.dispatch.lasts(self.job.policies)),
            attributes.PROVIDER_IDS.value_set(list(self.dispatch.open_offers.values())),
        ]
        if stage is Stage.OPERATOR:
            upserts.append(attributes.TROUBLE.value_set("no_provider"))
        attributes.upsert(*upserts)
