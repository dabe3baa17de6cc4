"""The doctor's checks of what others serve: PostgreSQL, Temporal, object storage, Stripe."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, DescribeTaskQueueRequest
from temporalio.client import ActivityExecutionStatus, Client, PendingActivityState
from temporalio.service import RPCError, RPCStatusCode

from fulfil.deploy.findings import Finding, Patient, fail, skip, warn, well
from fulfil.gateways.storage import ObjectStorage, StorageUnavailableError
from fulfil.gateways.stripe.errors import StripeMisconfiguredError, StripeRefusedError, StripeUnavailableError
from fulfil.gateways.stripe.gateway import StripeGateway
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database, DatabaseRole
from fulfil.kit.settings import Settings
from fulfil.kit.temporal import connect_temporal, missing_search_attributes
from fulfil.models.migrations.runner import is_current
from fulfil.workflows.attributes import SEARCH_ATTRIBUTES
from fulfil.workflows.ids import (
    DELIVERABLE_REPORT_RELAY,
    GEOMETRY,
    INTEGRATIONS,
    JOB_REPORT_RELAY,
    PAYMENTS,
    STRIPE_EVENT_RELAY,
    TASK_QUEUES,
)

CONNECT_WITHIN_S = 6.0
SKEW_NOTED = timedelta(seconds=2)
POLLED_WITHIN = timedelta(minutes=2)
ACTIVITIES_ONLY = frozenset([PAYMENTS, INTEGRATIONS, GEOMETRY])
NO_SUCH_PAYMENT = "pi_fulfil_doctor"


async def check_postgres(patient: Patient) -> list[Finding]:
    """Reachable, migrated, usable in both roles, and of the same time as this machine."""
    url = patient.settings.database_url
    try:
        shown = make_url(url).render_as_string()
        owner = Database(url, DatabaseRole.OWNER, pool_size=1)
    except ArgumentError as error:
        return [fail("PostgreSQL", f"FULFIL_DATABASE_URL: {error}", "write it as postgresql+asyncpg://user@host/name")]
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S), owner.begin() as session:
            version = await session.scalar(text("SHOW server_version"))
            theirs = await session.scalar(text("SELECT clock_timestamp()"))
    except (OSError, TimeoutError, SQLAlchemyError) as error:
        return [fail("PostgreSQL", f"{shown}: {_first_line(error)}", patient.start_it)]
    finally:
        await owner.close()
    found = [well("PostgreSQL", f"{version} at {shown}"), compare_clocks(theirs)]
    if not await asyncio.to_thread(is_current, url):
        migrate = "run `fulfil migrate`"
        return [*found, fail("migrations", "the database is not at this release's revision", migrate)]
    return [*found, well("migrations", "the database is current"), *[await _role(url, role) for role in _roles()]]


def compare_clocks(theirs: datetime | None) -> Finding:
    """Whether PostgreSQL's present moment is ours."""
    skew = abs(utc_now() - theirs) if theirs else timedelta()
    if skew > SKEW_NOTED:
        return warn(
            "clock",
            f"{skew.total_seconds():.0f} s apart from PostgreSQL's",
            "synchronise both (NTP): beyond 300 s Stripe's signatures are refused",
        )
    return well("clock", "agrees with PostgreSQL's")


def _roles() -> list[DatabaseRole]:
    return [role for role in DatabaseRole if role.value]


async def _role(url: str, role: DatabaseRole) -> Finding:
    database = Database(url, role, pool_size=1)
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S), database.begin() as session:
            await session.execute(text("SELECT count(*) FROM orders"))
    except (OSError, TimeoutError, SQLAlchemyError) as error:
        remedy = f"run `fulfil migrate`, then `GRANT {role.value} TO` the user of FULFIL_DATABASE_URL"
        return fail("role", f"{role.value}: {_first_line(error)}", remedy)
    finally:
        await database.close()
    return well("role", f"{role.value} works")


async def check_temporal(patient: Patient) -> list[Finding]:
    """Reachable, with our namespace, search attributes, workers and followers."""
    address = patient.temporal_address
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            client = await connect_temporal(address=address)
            await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except (RuntimeError, TimeoutError):
        return [fail("Temporal", f"{address} does not answer", patient.start_it)]
    except RPCError as error:
        create = "create it (`temporal operator namespace create`) or correct TEMPORAL_NAMESPACE"
        remedy = create if error.status is RPCStatusCode.NOT_FOUND else patient.start_it
        return [fail("Temporal", f"{address}: {error}", remedy)]
    findings = [well("Temporal", f"namespace {client.namespace} at {address}")]
    for examination in (_search_attributes(client), _workers(client), _followers(client)):
        try:
            findings += await examination
        except RPCError as error:
            findings.append(fail("Temporal", str(error), "see the server's log"))
    return findings


async def _search_attributes(client: Client) -> list[Finding]:
    missing = await missing_search_attributes(client, SEARCH_ATTRIBUTES)
    if missing:
        remedy = "run `fulfil migrate --search-attributes`"
        return [fail("search attributes", f"not registered: {', '.join(missing)}", remedy)]
    return [well("search attributes", f"all {len(SEARCH_ATTRIBUTES)} registered")]


async def _workers(client: Client) -> list[Finding]:
    return list(await asyncio.gather(*(_worker(client, queue) for queue in TASK_QUEUES)))


async def _worker(client: Client, queue: str) -> Finding:
    kinds = [TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY]
    if queue not in ACTIVITIES_ONLY:
        kinds.append(TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)
    pollers: set[str] = set()
    for kind in kinds:
        answer = await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind)
        )
        lately = {
            poller.identity
            for poller in answer.pollers
            if utc_now() - poller.last_access_time.ToDatetime(tzinfo=UTC) < POLLED_WITHIN
        }
        if not lately:
            return fail("worker", f"nobody polls `{queue}`", f"start one: `fulfil worker {queue}`")
        pollers |= lately
    return well("worker", f"`{queue}` is polled by {', '.join(sorted(pollers))}")


async def _followers(client: Client) -> list[Finding]:
    findings: list[Finding] = []
    for follower in (STRIPE_EVENT_RELAY, JOB_REPORT_RELAY, DELIVERABLE_REPORT_RELAY):
        try:
            description = await client.get_activity_handle(follower).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            remedy = f"start `fulfil worker {PAYMENTS} {INTEGRATIONS}`, which starts it"
            findings.append(fail("follower", f"{follower} was never started", remedy))
            continue
        if description.status is not ActivityExecutionStatus.RUNNING:
            remedy = "restart its worker, which starts it again"
            findings.append(fail("follower", f"{follower} is {description.status.name.lower()}", remedy))
        elif description.run_state is PendingActivityState.SCHEDULED:
            findings.append(warn("follower", f"{follower} waits for a worker", "see the worker's log for its errors"))
        else:
            findings.append(well("follower", f"{follower} runs on {description.last_worker_identity}"))
    return findings


async def check_storage(patient: Patient) -> list[Finding]:
    """An object can be written and found again."""
    url = patient.settings.storage
    if not patient.settings.storage_url and not (patient.settings.data_dir / "objects").exists():
        return [skip("storage", "`fulfil up` makes its own folder")]
    try:
        await ObjectStorage.from_url(url).check()
    except (StorageUnavailableError, ValueError) as error:
        return [fail("storage", f"{url}: {error}", "correct FULFIL_STORAGE_URL (and AWS_… for S3)")]
    return [well("storage", f"{url} takes objects")]


async def check_stripe(patient: Patient) -> list[Finding]:
    """A key that Stripe accepts, and a secret for its webhooks."""
    settings = patient.settings
    key = settings.stripe_api_key.get_secret_value()
    if not key:
        if patient.stack is None and patient.expects_embedded:
            return [skip("Stripe", "no STRIPE_API_KEY: `fulfil up` starts the simulator")]
        return [fail("Stripe", "STRIPE_API_KEY is not set", "set it, or use `fulfil up` with its simulator")]
    return [await _stripe_key(settings, key), _webhook_secrets(settings)]


async def _stripe_key(settings: Settings, key: str) -> Finding:
    where = settings.stripe_api_base or "https://api.stripe.com"
    gateway = StripeGateway(api_key=key, api_base=settings.stripe_api_base, timeout_s=CONNECT_WITHIN_S)
    try:
        await gateway.retrieve_payment_intent(NO_SUCH_PAYMENT)
    except StripeRefusedError:
        mode = "live" if key.startswith(("sk_live_", "rk_live_")) else "test"
        return well("Stripe", f"{where} accepts the key ({mode} mode)")
    except StripeMisconfiguredError as error:
        return fail("Stripe", f"{where} refuses the key: {error}", "set STRIPE_API_KEY to one of this account")
    except StripeUnavailableError as error:
        return fail("Stripe", f"{where}: {error}", "let this machine reach it, or correct STRIPE_API_BASE")
    finally:
        await gateway.close()
    return warn("Stripe", f"{where} knows a payment {NO_SUCH_PAYMENT}", "is this a Stripe at all?")


def _webhook_secrets(settings: Settings) -> Finding:
    secrets = [secret.get_secret_value() for secret in settings.stripe_webhook_secrets]
    if not secrets:
        remedy = f"""set STRIPE_WEBHOOK_SECRETS='["whsec_…"]' to that of {settings.api_url}/api/v1/webhooks/stripe"""
        return fail("webhooks", "STRIPE_WEBHOOK_SECRETS is empty: no payment will ever be noticed", remedy)
    if not all(secret.startswith("whsec_") for secret in secrets):
        return fail("webhooks", "a secret does not start with whsec_", "copy it from Stripe's webhook endpoint")
    return well("webhooks", f"{len(secrets)} secret(s) set")


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:300]
