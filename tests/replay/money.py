"""Money's processes played for their histories: refunds, chargebacks and the reconciliation."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from fulfil.models.messages.chargebacks import ChargebackState
from fulfil.models.messages.reconciliation import StartReconciliation
from fulfil.models.messages.refunds import RefundState
from fulfil.models.messages.support import ResolutionAction
from fulfil.workers.registration import activities_of
from fulfil.workflows.chargeback import ChargebackWorkflow
from fulfil.workflows.ids import ORDERS, PAYMENTS, RECONCILIATION_WORKFLOW_ID
from fulfil.workflows.reconciliation import ReconciliationWorkflow
from tests.workflows.chargebacking import DAY, REMINDER, Case, FakeBank
from tests.workflows.fake_support import FakeSupport
from tests.workflows.fakes import World
from tests.workflows.refunding import FakeRefunds, RefundPlay, refund_workers
from tests.workflows.test_reconciliation import MISSING, FakeBooks, working

Ended = WorkflowHandle[Any, Any]
RefundMoves = Callable[[RefundPlay], Awaitable[object]]
ChargebackMoves = Callable[[Case], Awaitable[object]]


# --- refunds ---------------------------------------------------------------------------------------------


async def succeeded(play: RefundPlay) -> None:
    await play.request()


async def approved(play: RefundPlay) -> None:
    play.bank.opens_as = RefundState.AWAITING_APPROVAL
    play.bank.sent.append(RefundState.SENT)
    await play.request()
    await play.decide()
    await play.called("send_refund")
    await play.hear(RefundState.SUCCEEDED)


async def rejected(play: RefundPlay) -> None:
    play.bank.opens_as = RefundState.AWAITING_APPROVAL
    await play.request()
    await play.decide(approved=False)


async def refused(play: RefundPlay) -> None:
    play.bank.opens_as, play.bank.refusal_code = RefundState.REJECTED, "nothing_to_refund"
    await play.request()


async def failed_then_rerouted(play: RefundPlay) -> None:
    play.bank.sent.append(RefundState.FAILED)
    await play.request()
    await play.stuck("refund_failed")
    await play.reroute()


async def reopened_then_given_up(play: RefundPlay) -> None:
    await play.request(reopened=True)
    await play.stuck("refund_failed")
    await play.decide(approved=False)


async def sending_parked(play: RefundPlay) -> None:
    play.world.fail("send_refund")
    await play.request()
    await until_parked(play.world)
    await play.resolve(ResolutionAction.RETRY)


# --- chargebacks -----------------------------------------------------------------------------------------


async def submitted_by_itself(case: Case) -> None:
    """The due date is near: support is reminded and the answer goes at once."""
    case.bank.due = await case.environment.get_current_time() + DAY
    case.bank.decided_after = 1
    await case.start()
    await case.called("submit_evidence")
    await case.hear("evt_1")
    await case.called("read_chargeback", 2)
    await case.hear("evt_2")


async def submitted_by_support(case: Case) -> None:
    await case.start()
    await case.staged()
    await case.add()
    await case.submit()
    await case.hear()


async def accepted(case: Case) -> None:
    await case.start()
    await case.staged()
    await case.accept()


async def escalated(case: Case) -> None:
    case.bank.state = ChargebackState.INQUIRY
    await case.start()
    await case.staged()
    case.bank.state = ChargebackState.NEEDS_RESPONSE
    await case.hear()
    await case.called("collect_evidence", 2)
    case.bank.state = ChargebackState.LOST
    await case.hear("evt_2")


async def evidence_parked(case: Case) -> None:
    case.world.fail("collect_evidence")
    await case.start()
    await until_parked(case.world)
    await case.resolve(ResolutionAction.SKIP)
    case.bank.state = ChargebackState.LOST
    await case.hear()


async def until_parked(world: World) -> None:
    """Wait for a step to be parked."""
    async with world.called:
        await asyncio.wait_for(world.called.wait_for(lambda: bool(world.parkings)), timeout=10)


# --- and how they are played -----------------------------------------------------------------------------


async def play_refund(client: Client, moves: RefundMoves) -> Ended:
    bank = FakeRefunds(World(client=client))
    play = RefundPlay(None, bank)
    async with refund_workers(client, bank):
        await moves(play)
        await play.refund.result()
    return play.refund


async def play_chargeback(client: Client, moves: ChargebackMoves) -> Ended:
    environment, world = WorkflowEnvironment.from_client(client), World(client=client)
    bank = FakeBank(world, environment, await environment.get_current_time() + 2 * REMINDER)
    case, support = Case(environment, world, bank), FakeSupport(world)
    async with (
        Worker(client, task_queue=ORDERS, workflows=[ChargebackWorkflow], activities=activities_of(support)),
        Worker(client, task_queue=PAYMENTS, activities=activities_of(bank)),
    ):
        await moves(case)
        await case.handle.result()
    return case.handle


async def play_reconciliation(client: Client, books: FakeBooks) -> Ended:
    async with working(client, books):
        handle = await client.start_workflow(
            ReconciliationWorkflow.run, StartReconciliation(), id=RECONCILIATION_WORKFLOW_ID, task_queue=ORDERS
        )
        await handle.result()
    return handle


REFUNDS: list[RefundMoves] = [
    *(succeeded, approved, rejected, refused, failed_then_rerouted, reopened_then_given_up, sending_parked),
]
CHARGEBACKS: list[ChargebackMoves] = [
    *(submitted_by_itself, submitted_by_support, accepted, escalated, evidence_parked),
]
BOOKS: Mapping[str, Callable[[], FakeBooks]] = {
    "agreed": FakeBooks,
    "differed": lambda: FakeBooks(findings=(MISSING,), failures={"clear_funds": 1}),
}
