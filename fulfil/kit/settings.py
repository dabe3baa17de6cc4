"""Every setting of every process, read from the environment once."""

from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Prefix `FULFIL_`; the names other tools share (`STRIPE_…`, `TEMPORAL_…`, `OTEL_…`) keep their own.

    Temporal's address, namespace, TLS and profiles are read by `temporalio.envconfig` (`TEMPORAL_ADDRESS`,
    `TEMPORAL_PROFILE`, …) and do not stand here.
    """

    model_config = SettingsConfigDict(env_prefix="FULFIL_", extra="ignore", populate_by_name=True)

    data_dir: Path = Path("fulfil-data")
    database_url: str = "postgresql+asyncpg://postgres@localhost:5432/fulfil"
    database_pool_size: int = 20
    storage_url: str = ""
    api_url: str = "http://127.0.0.1:8800"
    api_host: str = "127.0.0.1"
    api_port: int = 8800
    max_upload_bytes: int = 100 * 1024 * 1024
    max_json_bytes: int = 1024 * 1024

    # "auto" takes prusa-slicer when it is installed, "off" never; anything else is the program's path.
    slicer: str = "auto"

    # Where ClamAV's clamd listens, `tcp://host:3310` or `unix:///path`; uploads are not scanned without one.
    clamav_url: str = ""

    jwt_secret: SecretStr = SecretStr("")
    jwt_lifetime_s: int = 12 * 3600
    oidc_issuers: list[str] = []
    oidc_audience: str = "fulfil"

    # What one guest, or one address full of guests, may do per minute and API process.
    guest_sessions_per_minute: int = 10
    guest_uploads_per_minute: int = 30
    guest_quotes_per_minute: int = 20
    # How often the books are compared with the payment provider's.
    reconcile_every_s: int = Field(default=3600, ge=60)
    # How providers are ranked: "balanced", "nearest", "fairest", or one version of them ("balanced.1").
    ranking: str = "balanced"
    # How often providers are scored anew and expired reservations ended.
    upkeep_every_s: int = Field(default=3600, ge=60)
    # How many proxies in front of the API append to X-Forwarded-For; with 0 nobody is believed.
    trusted_proxies: int = 0

    stripe_api_key: SecretStr = Field(
        default=SecretStr(""), validation_alias=AliasChoices("STRIPE_API_KEY", "stripe_api_key")
    )
    stripe_publishable_key: str = Field(
        default="", validation_alias=AliasChoices("STRIPE_PUBLISHABLE_KEY", "stripe_publishable_key")
    )
    stripe_api_base: str = Field(default="", validation_alias=AliasChoices("STRIPE_API_BASE", "stripe_api_base"))
    stripe_webhook_secrets: list[SecretStr] = Field(
        default_factory=list[SecretStr],
        validation_alias=AliasChoices("STRIPE_WEBHOOK_SECRETS", "stripe_webhook_secrets"),
    )

    # Who issues the documents; with no name an example stands on them. Lines of the address are parted by ";".
    seller_name: str = ""
    seller_address: str = ""
    seller_vat_id: str = ""
    seller_email: str = ""

    otlp_endpoint: str = Field(
        default="", validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_ENDPOINT", "otlp_endpoint")
    )
    metrics_port: int = 0
    log_level: str = "INFO"
    log_format: str = "json"

    @property
    def storage(self) -> str:
        """The object store's URL; a folder below `data_dir` unless one is set."""
        return self.storage_url or (self.data_dir.absolute() / "objects").as_uri()
