"""What is embedded, and what a setting replaces."""

import socket
from pathlib import Path

import pytest
from pydantic import SecretStr

from fulfil.deploy.data_folder import StackSecrets
from fulfil.deploy.plan import TEMPORAL_SETTINGS, PlanError, StackPlan
from fulfil.deploy.ports import PortChoice, Ports, is_free
from fulfil.kit.settings import Settings


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*TEMPORAL_SETTINGS, "TEMPORAL_NAMESPACE", "STRIPE_API_KEY", "PYTHONDONTWRITEBYTECODE"):
        monkeypatch.delenv(name, raising=False)


def plan_for(folder: Path, settings: Settings, choice: PortChoice = PortChoice.AUTO) -> StackPlan:
    return StackPlan.make(folder, settings, StackSecrets(), Ports(choice))


def names(plan: StackPlan) -> set[str]:
    return {program.name for program in plan.programs()}


def test_without_settings_everything_is_embedded_and_each_process_knows_the_others(tmp_path: Path) -> None:
    plan = plan_for(tmp_path, Settings())
    assert names(plan) == {"postgres", "temporal", "stripe", "api", "worker", "geometry"}
    told = plan.environment()
    assert told["FULFIL_DATABASE_URL"] == plan.database_url
    assert told["TEMPORAL_ADDRESS"] == plan.temporal_address
    assert told["STRIPE_API_BASE"] == plan.stripe_url
    assert told["FULFIL_API_URL"] == plan.api_url
    assert told["FULFIL_STORAGE_URL"] == (tmp_path / "objects").as_uri()
    assert told["STRIPE_WEBHOOK_SECRETS"] == f'["{plan.secrets.webhook_secret.get_secret_value()}"]'


def test_what_the_processes_are_told_is_what_their_settings_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_for(tmp_path, Settings())
    for name, value in plan.environment().items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.database_url == plan.database_url
    assert settings.storage == plan.storage_url
    assert settings.api_port == plan.api_port
    assert settings.jwt_secret == plan.secrets.jwt_secret
    assert settings.stripe_api_base == plan.stripe_url
    assert settings.stripe_webhook_secrets == [plan.secrets.webhook_secret]


def test_a_database_url_replaces_postgresql(tmp_path: Path) -> None:
    plan = plan_for(tmp_path, Settings(database_url="postgresql+asyncpg://me@db/fulfil"))
    assert "postgres" not in names(plan)
    assert plan.environment()["FULFIL_DATABASE_URL"] == "postgresql+asyncpg://me@db/fulfil"


@pytest.mark.parametrize(
    ("name", "value"), [("TEMPORAL_ADDRESS", "temporal.example:7233"), ("TEMPORAL_PROFILE", "cloud")]
)
def test_an_address_or_a_profile_replaces_temporal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(tmp_path / "temporal.toml"))
    (tmp_path / "temporal.toml").write_text('[profile.cloud]\naddress = "temporal.example:7233"\n')
    monkeypatch.setenv(name, value)
    plan = plan_for(tmp_path, Settings())
    assert "temporal" not in names(plan)
    assert plan.temporal_address == "temporal.example:7233"
    assert "TEMPORAL_ADDRESS" not in plan.environment()


def test_a_stripe_key_replaces_the_simulator_and_is_not_overwritten(tmp_path: Path) -> None:
    plan = plan_for(tmp_path, Settings(stripe_api_key=SecretStr("sk_test_mine")))
    assert "stripe" not in names(plan)
    assert not any(name.startswith("STRIPE_") for name in plan.environment())


def test_a_storage_url_replaces_the_folder(tmp_path: Path) -> None:
    assert plan_for(tmp_path, Settings(storage_url="s3://bucket")).environment()["FULFIL_STORAGE_URL"] == "s3://bucket"


def test_a_port_asked_for_by_number_and_taken_is_refused(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(PlanError, match=f"FULFIL_API_PORT={port} is taken"):
            plan_for(tmp_path, Settings(api_port=port))


def test_a_usual_port_that_is_taken_gives_way_to_a_free_one() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        usual = listener.getsockname()[1]
        assert not is_free(usual)
        assert Ports(PortChoice.FIXED).take(usual) != usual
    assert Ports(PortChoice.FIXED).take(usual) == usual


def test_no_port_is_given_twice() -> None:
    ports = Ports(PortChoice.FIXED)
    taken = [ports.take(ports.take()) for _ in range(20)]
    assert len(set(taken)) == 20


def test_processes_that_may_not_write_bytecode_beside_the_sources_keep_it_in_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert "PYTHONPYCACHEPREFIX" not in plan_for(tmp_path, Settings()).environment()
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    told = plan_for(tmp_path, Settings()).environment()
    assert told["PYTHONDONTWRITEBYTECODE"] == ""
    assert told["PYTHONPYCACHEPREFIX"] == str(tmp_path / "cache" / "fulfil" / "bytecode")
