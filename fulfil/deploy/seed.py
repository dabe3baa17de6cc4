"""Who and what there is for a first look: demo accounts, providers and their stock."""

from collections.abc import Mapping
from dataclasses import dataclass

from fulfil.deploy.data_folder import StackSecrets, write_private
from fulfil.deploy.plan import StackPlan
from fulfil.deploy.supervisor import Report, silent
from fulfil.models.messages.parties import Role

ADMIN = "admin@fulfil.local"
# Raise it when the demo data changes, and existing data folders get what is new.
VERSION = "1"


class SeedError(RuntimeError):
    """The demo data could not be created; the message names the request that was refused."""


@dataclass(frozen=True)
class Login:
    """An account one can try."""

    role: str
    email: str
    password: str


@dataclass(frozen=True)
class DemoProvider:
    """A business that prints; `stock` in grams by material, and it prints what it has."""

    name: str
    account: str
    stock: Mapping[str, int]
    capacity_jobs: int = 10
    commission_bp: int = 1500


@dataclass(frozen=True)
class DemoPerson:
    """A customer or one of the staff."""

    name: str
    role: Role

    @property
    def email(self) -> str:
        """Named after the role."""
        return f"{self.role.value}@fulfil.local"


PEOPLE = (DemoPerson("Ada Customer", Role.CUSTOMER), DemoPerson("Sam Support", Role.SUPPORT))
PROVIDERS = (
    DemoProvider("Printworks Berlin", "berlin", {"PLA": 20_000, "PETG": 10_000, "ABS": 5_000}),
    DemoProvider("Layer by Layer Lyon", "lyon", {"PLA": 8_000, "TPU": 6_000}),
    DemoProvider("Delft Prototypes", "delft", {"PLA": 12_000, "PETG": 12_000}),
    DemoProvider("Porto Makers", "porto", {"PLA": 15_000, "ABS": 9_000, "TPU": 2_000}),
    DemoProvider("Tallinn Parts", "tallinn", {"PLA": 4_000, "PETG": 4_000}),
)


async def seed_stack(plan: StackPlan, report: Report = silent) -> list[Login]:
    """Create what is missing, once per data folder and database; the sign-ins. Raises `SeedError`."""
    marker = plan.data_dir / "seeded"
    mark = f"{VERSION} {plan.database_url}"
    if not (marker.exists() and marker.read_text() == mark):
        from fulfil.deploy.seeding import create_demo_data  # noqa: PLC0415 (slow to load, and needed once)

        await create_demo_data(plan)
        write_private(marker, mark)
        report("seed", f"{len(PEOPLE)} people and {len(PROVIDERS)} providers with stock")
    return logins_of(plan.secrets)


def logins_of(secrets: StackSecrets) -> list[Login]:
    """Every sign-in the seed makes; all but the administrator's share a password."""
    demo = secrets.demo_password.get_secret_value()
    return [
        Login(Role.ADMIN.value, ADMIN, secrets.admin_password.get_secret_value()),
        *(Login(person.role.value, person.email, demo) for person in PEOPLE),
        *(Login(Role.PROVIDER.value, email_of(provider), demo) for provider in PROVIDERS),
    ]


def email_of(provider: DemoProvider) -> str:
    """The sign-in of a provider."""
    return f"{provider.account}@fulfil.local"
