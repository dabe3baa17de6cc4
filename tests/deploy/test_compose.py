"""The production description agrees with itself and with the code: nothing in it is only a name."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from jsonschema import Draft202012Validator
from pydantic import AliasChoices
from typer.core import TyperGroup

from fulfil.cli import main as cli
from fulfil.deploy.temporal_server import temporal_binary
from fulfil.gateways.storage import ENDPOINT_VARIABLES
from fulfil.kit.settings import Settings
from fulfil.workflows.ids import TASK_QUEUES

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DEPLOY = ROOT / "fulfil" / "deploy"
OURS = ("migrate", "api", "worker", "geometry")
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z][A-Z0-9_]*)(?::[-?][^}]*)?\}")
# Read by the Temporal SDK's own profile loader, and by the object store's client.
FOREIGN = {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load(COMPOSE.read_text()))


def known_variables() -> set[str]:
    """Every environment variable our processes read."""
    names: set[str] = set(FOREIGN | set(ENDPOINT_VARIABLES))
    for field, info in Settings.model_fields.items():
        alias = info.validation_alias
        named = (
            {str(choice) for choice in alias.choices if str(choice).isupper()}
            if isinstance(alias, AliasChoices)
            else set[str]()
        )
        names |= named or {f"FULFIL_{field.upper()}"}
    return names


def test_the_file_keeps_to_the_specification(compose: dict[str, Any]) -> None:
    schema = json.loads((Path(__file__).parent / "schemas" / "compose.json").read_text())
    Draft202012Validator.check_schema(schema)
    assert [error.message for error in Draft202012Validator(schema).iter_errors(compose)] == []


def test_every_piece_of_the_system_is_there(compose: dict[str, Any]) -> None:
    assert {"postgres", "temporal", "temporal-ui", "minio", "otel-collector", *OURS} <= set(compose["services"])
    worked = {queue for name in OURS for queue in compose["services"][name]["command"][1:]} & set(TASK_QUEUES)
    assert worked == set(TASK_QUEUES)


@pytest.mark.parametrize("service", OURS)
def test_the_command_of_a_service_is_a_command_of_the_code(compose: dict[str, Any], service: str) -> None:
    command, *arguments = compose["services"][service]["command"]
    group = typer.main.get_command(cli.app)
    assert isinstance(group, TyperGroup)
    context = group.commands[command].make_context(command, list(arguments))
    assert context.params["queues"] == arguments if command == "worker" else not context.args


@pytest.mark.parametrize("service", OURS)
def test_the_environment_of_a_service_is_read_by_the_code(compose: dict[str, Any], service: str) -> None:
    assert set(compose["services"][service]["environment"]) <= known_variables()


def test_the_settings_take_the_values_of_the_file(compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"STRIPE_API_KEY": "sk_test_1", "STRIPE_WEBHOOK_SECRETS": '["whsec_1"]'}
    for name, value in compose["services"]["worker"]["environment"].items():
        monkeypatch.setenv(name, interpolated(value, values))
    settings = Settings()
    assert settings.database_url == "postgresql+asyncpg://fulfil:fulfil-on-a-laptop@postgres:5432/fulfil"
    assert settings.storage == "s3://fulfil"
    assert settings.metrics_port == 9090
    assert settings.otlp_endpoint == "http://otel-collector:4318"
    assert [secret.get_secret_value() for secret in settings.stripe_webhook_secrets] == ["whsec_1"]


def interpolated(text: str, values: dict[str, str]) -> str:
    """The text as Compose would pass it."""

    def value(match: re.Match[str]) -> str:
        default = match[0].partition(":-")[2].removesuffix("}")
        return values.get(match[1], default)

    return VARIABLE.sub(value, text)


def test_health_checks_ask_the_port_the_process_listens_on(compose: dict[str, Any]) -> None:
    for name, variable in {
        "api": "FULFIL_API_PORT",
        "worker": "FULFIL_METRICS_PORT",
        "geometry": "FULFIL_METRICS_PORT",
    }.items():
        service = compose["services"][name]
        assert f":{service['environment'][variable]}/readyz" in service["healthcheck"]["test"][-1]
        assert service["environment"]["FULFIL_API_HOST"] == "0.0.0.0"  # noqa: S104 (inside its container)


def test_everything_referred_to_is_declared(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in services, name
            assert how["condition"] != "service_healthy" or "healthcheck" in services[other], f"{name} -> {other}"
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (ROOT / source).is_file(), f"{name}: {source}"
        assert set(service["networks"]) <= set(compose["networks"])
        if "build" in service:
            assert (ROOT / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_nothing_waits_in_a_circle(compose: dict[str, Any]) -> None:
    def depth(name: str, above: tuple[str, ...] = ()) -> int:
        assert name not in above
        return 1 + max(
            (depth(other, (*above, name)) for other in compose["services"][name].get("depends_on", {})), default=0
        )

    assert max(depth(name) for name in compose["services"]) >= 5


def test_no_secret_stands_in_the_file_but_defaults_for_a_laptop(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|PWD|API_KEY", name):
                assert re.fullmatch(r"\$\{[A-Z_]+:[-?][^}]*\}", value), f"{name} is not set from outside"
                default = value.partition(":-")[2].removesuffix("}")
                assert not default or "laptop" in default
    assert "${STRIPE_API_KEY:?" in COMPOSE.read_text()


def test_only_the_api_can_be_published_beyond_this_machine(compose: dict[str, Any]) -> None:
    published = {name: port for name, service in compose["services"].items() for port in service.get("ports", [])}
    assert set(published) == {"api", "temporal-ui"}
    assert published["temporal-ui"].startswith("127.0.0.1:")
    assert ":-127.0.0.1:" in published["api"]


def test_the_image_runs_as_nobody_in_particular_and_knows_its_files() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    last_stage = max(number for number, line in enumerate(lines) if line.startswith("FROM"))
    assert "USER 10001:10001" in lines[last_stage:]
    assert 'ENTRYPOINT ["fulfil"]' in lines[last_stage:]
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = [word for line in lines if line.startswith("COPY") and "--from" not in line for word in line.split()[1:-1]]
    assert copied
    for path in copied:
        assert (ROOT / path).exists()
        assert f"!{path}" in ignored
    for variable in re.findall(r"\b(FULFIL_[A-Z_]+)=", "\n".join(lines)):
        assert variable in known_variables()


def test_the_collector_scrapes_ports_that_are_served(compose: dict[str, Any]) -> None:
    collector = yaml.safe_load((DEPLOY / "otel" / "collector.yaml").read_text())
    jobs = collector["receivers"]["prometheus"]["config"]["scrape_configs"]
    targets = [target for job in jobs for config in job["static_configs"] for target in config["targets"]]
    served = {
        "api": compose["services"]["api"]["environment"]["FULFIL_API_PORT"],
        "worker": compose["services"]["worker"]["environment"]["FULFIL_METRICS_PORT"],
        "geometry": compose["services"]["geometry"]["environment"]["FULFIL_METRICS_PORT"],
        "temporal": compose["services"]["temporal"]["environment"]["PROMETHEUS_ENDPOINT"].rpartition(":")[2],
    }
    assert sorted(targets) == sorted(f"{name}:{port}" for name, port in served.items())
    for pipeline in collector["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= set(collector[kind])


def test_every_key_of_the_dynamic_configuration_is_known_to_the_server() -> None:
    keys = set(yaml.safe_load((DEPLOY / "temporal" / "dynamicconfig.yaml").read_text()))
    binary = temporal_binary().read_bytes()
    assert keys
    assert [key for key in keys if key.encode() not in binary] == []
