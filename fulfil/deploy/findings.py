"""What the doctor looks at, and what it says."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from pydantic import SecretStr

from fulfil.deploy.data_folder import StackFile, StackSecrets
from fulfil.deploy.plan import SIMULATOR_KEY, TEMPORAL_SETTINGS, is_set
from fulfil.kit.settings import Settings
from fulfil.kit.temporal import temporal_target


class State(StrEnum):
    """How a piece is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One sentence about one piece, and the remedy when there is something to mend."""

    piece: str
    state: State
    detail: str
    remedy: str = ""


def well(piece: str, detail: str) -> Finding:
    """Nothing to do."""
    return Finding(piece, State.OK, detail)


def warn(piece: str, detail: str, remedy: str) -> Finding:
    """It works, but."""
    return Finding(piece, State.WARNING, detail, remedy)


def fail(piece: str, detail: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(piece, State.FAILED, detail, remedy)


def skip(piece: str, detail: str) -> Finding:
    """It could not be examined because of another failure."""
    return Finding(piece, State.SKIPPED, detail)


@dataclass(frozen=True)
class Patient:
    """An installation: the settings, completed by what the running embedded stack says about itself."""

    settings: Settings
    temporal_address: str
    stack: StackFile | None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What is set counts; a stack that runs on the data folder fills in the rest."""
        stack = StackFile.of_running(settings.data_dir)
        address = temporal_target()[0]
        if stack is None:
            return cls(settings, address, None)
        known: dict[str, object] = {
            "database_url": stack.database_url,
            "storage_url": stack.storage_url,
            "api_url": stack.api_url,
        }
        secrets = StackSecrets.of(settings.data_dir)
        known["jwt_secret"] = secrets.jwt_secret
        if stack.stripe_url:
            known["stripe_api_key"] = SecretStr(SIMULATOR_KEY)
            known["stripe_api_base"] = stack.stripe_url
            known["stripe_webhook_secrets"] = [secrets.webhook_secret]
        named = settings.model_fields_set
        merged = settings.model_copy(update={name: value for name, value in known.items() if name not in named})
        if not is_set(*TEMPORAL_SETTINGS):
            address = stack.temporal_address
        return cls(merged, address, stack)

    @property
    def expects_embedded(self) -> bool:
        """Whether `fulfil up` would bring servers of its own."""
        return "database_url" not in self.settings.model_fields_set or not is_set(*TEMPORAL_SETTINGS)

    @property
    def start_it(self) -> str:
        """What to do when a server does not answer."""
        if self.stack is None and self.expects_embedded:
            return f"start the stack: `fulfil up --data-dir {self.settings.data_dir}`"
        return "start it, or correct the setting"
