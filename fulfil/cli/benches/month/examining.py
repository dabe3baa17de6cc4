"""When nothing is open any more: money, stock, winners and workflows, examined from both sides."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import text
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from fulfil.cli.benches.audit import audit, audit_rest
from fulfil.cli.benches.audit_of_books import Books, audit_balances
from fulfil.cli.benches.findings import Finding
from fulfil.cli.benches.month.board import Board
from fulfil.cli.benches.month.calling import Answer, Minutes
from fulfil.cli.benches.month.characters import Purse
from fulfil.cli.benches.month.days import RECONCILED_WITHIN_S
from fulfil.inventory.checks import check_stock
from fulfil.models.messages.orders import OrderState
from fulfil.workflows.ids import deliverable_workflow_id, job_workflow_id, order_workflow_id, refund_workflow_id

WORKFLOWS = (
    ("SELECT id FROM orders", order_workflow_id),
    ("SELECT id FROM jobs WHERE milestone_id IS NULL", job_workflow_id),
    ("SELECT id FROM deliverables", deliverable_workflow_id),
    ("SELECT id FROM refunds", refund_workflow_id),
)
MORE_PROMISES: Mapping[str, str] = {
    "timelines without a next step": """
        SELECT o.id FROM orders o LEFT JOIN timelines t ON t.order_id = o.id
        WHERE o.state NOT IN ('closed', 'cancelled', 'expired')
        AND (t.order_id IS NULL OR t.next_who = 'nobody' OR t.next_what = '')""",
    "jobs and rounds with two winners": """
        SELECT job_id || ' round ' || round FROM offers WHERE accepted_at IS NOT NULL
        GROUP BY job_id, round HAVING count(*) > 1""",
    "closed jobs that nobody won": """
        SELECT j.id FROM jobs j WHERE j.state = 'closed' AND j.milestone_id IS NULL AND 1 <>
        (SELECT count(*) FROM offers o WHERE o.job_id = j.id AND o.state = 'accepted')""",
    "jobs left open": "SELECT id || ' ' || state FROM jobs WHERE closed_at IS NULL",
    "deliverables left open": "SELECT id || ' ' || state FROM deliverables WHERE closed_at IS NULL",
    "stock reserved at the end": """
        SELECT item_id || ' ' || offer_id FROM stock_reservations WHERE ended_at IS NULL""",
    "reports no deliverable heard of": """
        SELECT id || ' ' || coalesce(last_error, '') FROM deliverable_reports WHERE signalled_at IS NULL""",
}
STATES = text("SELECT id, state, cancel_reason FROM orders")


async def examine(board: Board) -> list[Finding]:
    """Reconcile, verify, audit; needs a system at rest."""
    admin, servers = board.people.admin, board.servers
    reconciled = await admin.post("/support/reconciliations", wait=RECONCILED_WITHIN_S)
    verified = await admin.get("/support/ledger/check")
    stripe, balances = await servers.switches.dump(), await servers.switches.balances()
    findings = await audit(servers.owner, stripe, board.purchases) + await audit_rest(servers.owner)
    async with servers.owner.begin() as session:
        books = await Books.read(session)
        stock = [f"{found.item_id} {found.code}: {found.detail}" for found in await check_stock(session)]
        for promise, query in MORE_PROMISES.items():
            findings.append(Finding(promise, list((await session.scalars(text(query))).all())))
    running, failed = await _workflows(board)
    return [
        *findings,
        *audit_balances(books, balances),
        Finding("findings of the last reconciliation", _found(reconciled)),
        Finding("findings of `fulfil ledger verify`", _found(verified)),
        Finding("findings of `fulfil stock verify`", stock),
        Finding("workflows left running", running),
        Finding("workflows that failed", failed),
        Finding("people who gave up", board.given_up),
        Finding("relays that failed", servers.trouble),
    ]


def audit_answers(minutes: Minutes) -> Finding:
    """The API never has a bug to admit."""
    return Finding("answers of 500 and more", minutes.faults)


@dataclass(frozen=True)
class Endings:
    """How orders ended: by state and reason; `wanted` are those that their customers paid and did not call off."""

    counts: Counter[str] = field(default_factory=Counter[str])
    wanted: int = 0
    completed: int = 0

    @property
    def completed_share(self) -> float:
        """Of those wanted."""
        return self.completed / self.wanted if self.wanted else 0.0


async def endings(board: Board) -> Endings:
    """Of all orders that were placed."""
    async with board.servers.owner.begin() as session:
        rows = (await session.execute(STATES)).all()
    counts = Counter(f"{row.state}: {row.cancel_reason}" if row.cancel_reason else str(row.state) for row in rows)
    completed = [row.id for row in rows if row.state == OrderState.CLOSED]
    unwanted = [
        row.id
        for row in rows
        if row.state != OrderState.CLOSED
        and (row.id in board.called_off or board.purchases[row.id].wish.purse is Purse.NEVER)
    ]
    return Endings(counts, len(rows) - len(unwanted), len(completed))


async def _workflows(board: Board) -> tuple[list[str], list[str]]:
    """Those that have not ended, and those that ended otherwise than by completing; this server lists none."""
    running: list[str] = []
    failed: list[str] = []
    async with board.servers.owner.begin() as session:
        found = [(list((await session.scalars(text(query))).all()), name) for query, name in WORKFLOWS]
    for workflow_id in (name(each) for ids, name in found for each in ids):
        status = await _status(board.servers.client, workflow_id)
        if status is WorkflowExecutionStatus.RUNNING:
            running.append(workflow_id)
        elif status is not WorkflowExecutionStatus.COMPLETED:
            failed.append(f"{workflow_id}: {'not there' if status is None else status.name}")
    return running, failed


async def _status(client: Client, workflow_id: str) -> WorkflowExecutionStatus | None:
    """Asked without the handle, which stumbles over an attribute that was unset on this server."""
    execution = WorkflowExecution(workflow_id=workflow_id)
    request = DescribeWorkflowExecutionRequest(namespace=client.namespace, execution=execution)
    try:
        described = await client.workflow_service.describe_workflow_execution(request)
        return WorkflowExecutionStatus(described.workflow_execution_info.status)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None


def _found(answer: Answer) -> list[str]:
    """The findings in an answer of support's; why there is none, when there is none."""
    if not answer.good or "findings" not in answer.body:
        return [f"{answer.status}: {answer.body}"[:300]]
    found: Iterable[Mapping[str, object]] = answer.body["findings"]
    return [f"{each.get('kind')} {each.get('subject')}: {each.get('detail')}" for each in found]
