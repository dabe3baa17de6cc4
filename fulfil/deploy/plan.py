"""What the embedded stack consists of, given the settings: whatever a setting replaces is left out."""

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from fulfil.deploy.data_folder import StackSecrets
from fulfil.deploy.ports import HOST, Ports, is_free
from fulfil.deploy.postgres import DATABASE, EmbeddedPostgres
from fulfil.deploy.supervisor import Probe, Program
from fulfil.deploy.temporal_server import EmbeddedTemporal
from fulfil.kit.health import http_get
from fulfil.kit.settings import Settings
from fulfil.models import migrations
from fulfil.workflows.attributes import SEARCH_ATTRIBUTES
from fulfil.workflows.ids import GEOMETRY, INTEGRATIONS, ORDERS, PAYMENTS

POSTGRES, TEMPORAL, STRIPE, API, WORKER, GEOMETRY_WORKER = "postgres", "temporal", "stripe", "api", "worker", "geometry"
TEMPORAL_PORT, TEMPORAL_UI_PORT, STRIPE_PORT = 7233, 8233, 12111
SIMULATOR_KEY, SIMULATOR_PUBLISHABLE_KEY = "sk_test_simulator", "pk_test_simulator"
TEMPORAL_SETTINGS = ("TEMPORAL_ADDRESS", "TEMPORAL_PROFILE")
DEFAULT_NAMESPACE = "default"
OK = 200


class PlanError(RuntimeError):
    """The settings ask for what can't be had; the message says what to change."""


@dataclass(frozen=True)
class StackPlan:
    """The pieces, their addresses and the environment that tells each process about the others."""

    data_dir: Path
    settings: Settings
    secrets: StackSecrets
    postgres: EmbeddedPostgres | None
    temporal: EmbeddedTemporal | None
    stripe_port: int | None
    api_port: int
    metrics_ports: dict[str, int] = field(default_factory=dict[str, int])

    @classmethod
    def make(cls, data_dir: Path, settings: Settings, secrets: StackSecrets, ports: Ports) -> "StackPlan":
        """Decide what is embedded and where it listens; raises `PlanError` when a port asked for is taken."""
        named = settings.model_fields_set
        if "api_port" in named and not is_free(settings.api_port):
            raise PlanError(
                f"FULFIL_API_PORT={settings.api_port} is taken: choose another one, or stop what listens there"
            )
        embeds_temporal = not is_set(*TEMPORAL_SETTINGS)
        return cls(
            data_dir=data_dir,
            settings=settings,
            secrets=secrets,
            postgres=None if "database_url" in named else EmbeddedPostgres(data_dir / "postgres"),
            api_port=settings.api_port if "api_port" in named else ports.take(settings.api_port),
            temporal=EmbeddedTemporal(
                folder=data_dir / "temporal",
                port=ports.take(TEMPORAL_PORT),
                ui_port=ports.take(TEMPORAL_UI_PORT),
                http_port=ports.take(),
                metrics_port=ports.take(),
                namespace=os.environ.get("TEMPORAL_NAMESPACE") or DEFAULT_NAMESPACE,
                search_attributes=SEARCH_ATTRIBUTES,
            )
            if embeds_temporal
            else None,
            stripe_port=None if settings.stripe_api_key.get_secret_value() else ports.take(STRIPE_PORT),
            metrics_ports={WORKER: ports.take(), GEOMETRY_WORKER: ports.take()},
        )

    @property
    def api_url(self) -> str:
        """Where the API is reached from this machine."""
        return f"http://{HOST}:{self.api_port}"

    @property
    def database_url(self) -> str:
        """SQLAlchemy's URL of the database in use."""
        return self.postgres.url if self.postgres else self.settings.database_url

    @property
    def temporal_address(self) -> str:
        """Where the Temporal in use is."""
        return self.temporal.address if self.temporal else foreign_temporal()[0]

    @property
    def temporal_namespace(self) -> str:
        """The namespace our workflows live in."""
        return self.temporal.namespace if self.temporal else foreign_temporal()[1]

    @property
    def storage_url(self) -> str:
        """The object store in use."""
        return self.settings.storage_url or (self.data_dir / "objects").as_uri()

    @property
    def stripe_url(self) -> str:
        """Where the Stripe simulator listens; empty with the real Stripe."""
        return f"http://{HOST}:{self.stripe_port}" if self.stripe_port else ""

    @property
    def metrics_urls(self) -> dict[str, str]:
        """What Prometheus can scrape."""
        own = {name: f"http://{HOST}:{port}/metrics" for name, port in self.metrics_ports.items()}
        temporal = {TEMPORAL: f"http://{HOST}:{self.temporal.metrics_port}/metrics"} if self.temporal else {}
        return {API: f"{self.api_url}/metrics", **own, **temporal}

    def environment(self) -> dict[str, str]:
        """What every process of the stack is told."""
        told = {
            "FULFIL_DATA_DIR": str(self.data_dir),
            "FULFIL_DATABASE_URL": self.database_url,
            "FULFIL_STORAGE_URL": self.storage_url,
            "FULFIL_API_PORT": str(self.api_port),
            "FULFIL_JWT_SECRET": (
                self.settings.jwt_secret.get_secret_value() or self.secrets.jwt_secret.get_secret_value()
            ),
            "PYTHONUNBUFFERED": "1",
            **self._bytecode(),
        }
        if "api_url" not in self.settings.model_fields_set:
            told["FULFIL_API_URL"] = self.api_url
        if self.temporal:
            # A profile in the user's own configuration file must not add its keys to our server's address.
            told |= {"TEMPORAL_ADDRESS": self.temporal.address, "TEMPORAL_CONFIG_FILE": os.devnull}
        if self.stripe_port:
            told |= {
                "STRIPE_API_KEY": SIMULATOR_KEY,
                "STRIPE_PUBLISHABLE_KEY": SIMULATOR_PUBLISHABLE_KEY,
                "STRIPE_API_BASE": self.stripe_url,
                "STRIPE_WEBHOOK_SECRETS": f'["{self.secrets.webhook_secret.get_secret_value()}"]',
            }
        return told

    @staticmethod
    def _bytecode() -> dict[str, str]:
        """Where compiled modules go when not beside their sources: without any, each process starts seconds later."""
        if not is_set("PYTHONDONTWRITEBYTECODE"):
            return {}
        caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(Path(caches) / "fulfil" / "bytecode")}

    def programs(self) -> list[Program]:
        """Everything to keep running, in no particular order."""
        servers = [self._postgres()] if self.postgres else []
        servers += [self.temporal.program(TEMPORAL)] if self.temporal else []
        first = tuple(server.name for server in servers)
        simulators = [self._stripe()] if self.stripe_port else []
        return [
            *servers,
            *simulators,
            self._ours(API, ["api"], first, f"{HOST}:{self.api_port}"),
            self._worker(WORKER, [ORDERS, PAYMENTS, INTEGRATIONS], first),
            self._worker(GEOMETRY_WORKER, [GEOMETRY], first),
        ]

    async def prepare_foreign(self) -> None:
        """Bring a database and a Temporal that are not ours up to date; raises `PlanError` when they do not answer."""
        if not self.postgres:
            try:
                await asyncio.to_thread(_migrate, self.database_url)
            except (OSError, asyncpg.PostgresError) as error:
                raise PlanError(f"PostgreSQL of FULFIL_DATABASE_URL can't be used: {error}") from error
        if not self.temporal:
            await _prepare_foreign_temporal(self.temporal_address)

    def _postgres(self) -> Program:
        if self.postgres is None:
            raise PlanError("PostgreSQL is not embedded")
        postgres = self.postgres

        async def settle() -> None:
            await postgres.create_database()
            if not await _stands_at_head(postgres):
                await asyncio.to_thread(_migrate, postgres.url)

        return postgres.program(POSTGRES, settle=settle)

    def _stripe(self) -> Program:
        folder = self.data_dir / "stripe"

        async def prepare() -> None:
            folder.mkdir(parents=True, exist_ok=True)

        return Program(
            name=STRIPE,
            command=[
                *(sys.executable, "-m", "fulfil.simulators.stripe"),
                *("--port", str(self.stripe_port), "--database", str(folder / "stripe.db")),
                *("--webhook-secret", self.secrets.webhook_secret.get_secret_value()),
                *("--webhook-url", f"{self.api_url}/api/v1/webhooks/stripe"),
            ],
            environment=self.environment(),
            prepare=prepare,
            ready=_answers(f"{HOST}:{self.stripe_port}", "/_simulator/health"),
        )

    def _worker(self, name: str, queues: Sequence[str], after: tuple[str, ...]) -> Program:
        port = str(self.metrics_ports[name])
        return self._ours(name, ["worker", *queues], after, f"{HOST}:{port}", FULFIL_METRICS_PORT=port)

    def _ours(
        self, name: str, arguments: Sequence[str], after: tuple[str, ...], address: str, **environment: str
    ) -> Program:
        return Program(
            name=name,
            # Not `fulfil.cli.main`, which would load every other command as well.
            command=[sys.executable, "-m", "fulfil.cli.running", *arguments],
            environment=self.environment() | environment,
            after=after,
            ready=_answers(address, "/readyz"),
            ready_within_s=60,
        )


def is_set(*names: str) -> bool:
    """Whether the environment has any of these."""
    return any(os.environ.get(name) for name in names)


def _answers(address: str, path: str) -> Probe:
    async def answers() -> bool:
        status, _ = await http_get(address, path)
        return status == OK

    return answers


def foreign_temporal() -> tuple[str, str]:
    """Address and namespace of the Temporal that the environment names."""
    from fulfil.kit.temporal import temporal_target  # noqa: PLC0415 (slow to load, and rarely needed)

    return temporal_target()


async def _prepare_foreign_temporal(address: str) -> None:
    from temporalio.service import RPCError  # noqa: PLC0415 (slow to load, and rarely needed)

    from fulfil.kit.temporal import connect_temporal, register_search_attributes  # noqa: PLC0415 (likewise)

    try:
        await register_search_attributes(await connect_temporal(), SEARCH_ATTRIBUTES)
    except (RuntimeError, RPCError) as error:
        raise PlanError(f"Temporal at {address} can't be used: {error}") from error


async def _stands_at_head(postgres: EmbeddedPostgres) -> bool:
    """A guess in milliseconds that spares a start the second Alembic takes to load; in doubt it says no."""
    versions = Path(migrations.__path__[0]) / "versions"
    head = max(path.name.partition("_")[0] for path in versions.glob("[0-9]*_*.py"))
    connection = await postgres.connect(DATABASE)
    try:
        return await connection.fetchval("SELECT version_num FROM alembic_version") == head
    except asyncpg.UndefinedTableError:
        return False
    finally:
        await connection.close()


def _migrate(url: str) -> None:
    from fulfil.models.migrations.runner import migrate  # noqa: PLC0415 (takes a second to load, rarely needed)

    migrate(url)
