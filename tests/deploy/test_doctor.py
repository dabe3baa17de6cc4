"""The doctor names each broken piece and its remedy."""

import os
import socket
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from fulfil.deploy import checks_of_files, checks_of_machine, checks_of_servers, doctor
from fulfil.deploy.checks_of_files import check_files, check_scanner, check_slicer
from fulfil.deploy.checks_of_machine import check_api, check_data_folder, check_ports, check_processes, check_tokens
from fulfil.deploy.checks_of_servers import check_postgres, check_storage, check_stripe, check_temporal
from fulfil.deploy.data_folder import ProcessRecord, StackFile, record_of
from fulfil.deploy.doctor import examine
from fulfil.deploy.findings import Finding, Patient, State
from fulfil.kit.isolation import Isolation
from fulfil.kit.settings import Settings
from tests.conftest import RunningSimulator
from tests.gateways.clamd import clamd

NOWHERE = "127.0.0.1:1"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("FULFIL_", "TEMPORAL_", "STRIPE_", "OTEL_"))]:
        monkeypatch.delenv(name)


def patient(folder: Path, **settings: object) -> Patient:
    return Patient.of(Settings.model_validate({"data_dir": folder, **settings}))


def by_piece(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.piece: finding for finding in findings}


def failed(findings: list[Finding]) -> dict[str, Finding]:
    return by_piece([finding for finding in findings if finding.state is State.FAILED])


async def test_with_nothing_running_every_remedy_is_to_start_the_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", NOWHERE)
    broken = failed(
        await examine(
            patient(
                tmp_path / "new",
                database_url=f"postgresql+asyncpg://me:hunter2@{NOWHERE}/x",
                api_url=f"http://{NOWHERE}",
            )
        )
    )
    assert {"PostgreSQL", "Temporal", "API", "Stripe", "sign-in"} == set(broken)
    assert "hunter2" not in str(broken)
    monkeypatch.delenv("TEMPORAL_ADDRESS")
    (api,) = await check_api(patient(tmp_path / "new", api_url=f"http://{NOWHERE}"))
    assert f"fulfil up --data-dir {tmp_path / 'new'}" in api.remedy
    assert not (tmp_path / "new").exists()


async def test_every_failure_comes_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", NOWHERE)
    findings = await examine(patient(tmp_path, database_url=f"postgresql+asyncpg://me@{NOWHERE}/x"))
    assert all(finding.remedy for finding in findings if finding.state in {State.FAILED, State.WARNING})
    assert all(finding.detail for finding in findings)


async def test_a_migrated_database_is_well_in_every_role(tmp_path: Path, database_url: str) -> None:
    findings = await check_postgres(patient(tmp_path, database_url=database_url))
    assert [finding.state for finding in findings] == [State.OK] * len(findings)
    assert {"PostgreSQL", "clock", "migrations", "role"} == {finding.piece for finding in findings}


async def test_an_empty_database_asks_for_migrations(tmp_path: Path, postgres_server: str) -> None:
    found = by_piece(await check_postgres(patient(tmp_path, database_url=postgres_server)))
    assert found["PostgreSQL"].state is State.OK
    assert found["migrations"].remedy == "run `fulfil migrate`"
    assert "role" not in found


async def test_a_user_without_the_role_is_told_which_grant_is_missing(tmp_path: Path, database_url: str) -> None:
    engine = create_async_engine(database_url, isolation_level="AUTOCOMMIT")
    name = f"guest_{os.urandom(4).hex()}"
    async with engine.connect() as connection:
        await connection.execute(text(f"CREATE ROLE {name} LOGIN"))
        await connection.execute(text(f"GRANT fulfil_api TO {name}"))
        await connection.execute(text(f"GRANT SELECT ON alembic_version TO {name}"))
    guest = make_url(database_url).set(username=name).render_as_string(hide_password=False)
    broken = failed(await check_postgres(patient(tmp_path, database_url=guest)))
    async with engine.connect() as connection:
        await connection.execute(text(f"DROP OWNED BY {name}"))
        await connection.execute(text(f"DROP ROLE {name}"))
    await engine.dispose()
    assert set(broken) == {"role"}
    assert "GRANT fulfil_worker TO" in broken["role"].remedy


async def test_a_database_url_that_is_none_is_explained(tmp_path: Path) -> None:
    (finding,) = await check_postgres(patient(tmp_path, database_url="localhost:5432"))
    assert finding.state is State.FAILED
    assert "postgresql+asyncpg://" in finding.remedy


@pytest.mark.parametrize("seconds", [-400, 5])
async def test_clocks_apart_are_noticed(seconds: int) -> None:
    finding = checks_of_servers.compare_clocks(datetime.now(UTC) + timedelta(seconds=seconds))
    assert finding.state is State.WARNING
    assert "300 s" in finding.remedy


async def test_a_temporal_without_workers_says_which_queue_nobody_polls(
    tmp_path: Path, temporal_dev: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_dev)
    monkeypatch.setattr(checks_of_servers, "TASK_QUEUES", ("nobody-polls-this",))
    monkeypatch.setattr(checks_of_servers, "SEARCH_ATTRIBUTES", {"OrderId": "Keyword", "NeverHeardOf": "Keyword"})
    for relay in ("STRIPE_EVENT_RELAY", "JOB_REPORT_RELAY", "DELIVERABLE_REPORT_RELAY"):
        monkeypatch.setattr(checks_of_servers, relay, "relay/never_started")
    broken = failed(await check_temporal(patient(tmp_path)))
    assert broken["worker"].remedy == "start one: `fulfil worker nobody-polls-this`"
    assert broken["search attributes"].detail == "not registered: NeverHeardOf"
    assert "relay/never_started was never started" in broken["follower"].detail


async def test_an_unknown_namespace_is_named(
    tmp_path: Path, temporal_dev: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_dev)
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "elsewhere")
    (finding,) = await check_temporal(patient(tmp_path))
    assert finding.state is State.FAILED
    assert "namespace create" in finding.remedy


async def test_storage_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for url in ((tmp_path / "file" / "objects").as_uri(), "ftp://nowhere/x"):
        (finding,) = await check_storage(patient(tmp_path, storage_url=url))
        assert finding.state is State.FAILED
        assert "FULFIL_STORAGE_URL" in finding.remedy


async def test_storage_that_works_is_proven_by_writing(tmp_path: Path) -> None:
    (finding,) = await check_storage(patient(tmp_path, storage_url=(tmp_path / "objects").as_uri()))
    assert finding.state is State.OK
    assert any((tmp_path / "objects").rglob("*"))


async def test_stripe_accepts_or_refuses_the_key(tmp_path: Path, stripe_simulator: RunningSimulator) -> None:
    settings = {
        "stripe_api_key": SecretStr(stripe_simulator.api_key),
        "stripe_api_base": stripe_simulator.url,
        "stripe_webhook_secrets": [SecretStr("whsec_1")],
    }
    assert failed(await check_stripe(patient(tmp_path, **settings))) == {}
    wrong = {**settings, "stripe_api_key": SecretStr("sk_test_of_somebody_else")}
    assert "refuses the key" in failed(await check_stripe(patient(tmp_path, **wrong)))["Stripe"].detail
    away = {**settings, "stripe_api_base": f"http://{NOWHERE}"}
    assert "STRIPE_API_BASE" in failed(await check_stripe(patient(tmp_path, **away)))["Stripe"].remedy
    for secrets in ([], [SecretStr("sk_test_pasted_by_mistake")]):
        broken = failed(await check_stripe(patient(tmp_path, **{**settings, "stripe_webhook_secrets": secrets})))
        assert set(broken) == {"webhooks"}
        assert "sk_test_pasted" not in str(broken)


async def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (finding,) = await check_data_folder(patient(tmp_path / "file"))
    assert finding.state is State.FAILED


async def test_a_full_disk_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks_of_machine, "FREE_BYTES_WANTED", 2**62)
    (finding,) = await check_data_folder(patient(tmp_path))
    assert finding.state is State.WARNING


async def test_a_taken_port_is_a_warning_that_needs_nothing(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        (finding,) = await check_ports(patient(tmp_path, api_port=port))
    assert finding.state is State.WARNING
    assert f"{port} (API)" in finding.detail


@pytest.mark.parametrize(("secret", "state"), [("short", State.FAILED), ("x" * 32, State.OK)])
async def test_a_short_secret_for_tokens_is_refused(tmp_path: Path, secret: str, state: State) -> None:
    (finding,) = await check_tokens(patient(tmp_path, jwt_secret=SecretStr(secret)))
    assert finding.state is state


async def test_a_dead_process_of_a_running_stack_is_named(tmp_path: Path) -> None:
    me = record_of(os.getpid())
    assert me is not None
    StackFile(
        data_dir=tmp_path,
        started_at=datetime.now(UTC),
        supervisor=me,
        api_url=f"http://{NOWHERE}",
        temporal_address=NOWHERE,
        temporal_namespace="default",
        database_url=f"postgresql+asyncpg://postgres@{NOWHERE}/fulfil",
        storage_url=(tmp_path / "objects").as_uri(),
        processes={"api": me, "worker": ProcessRecord(pid=me.pid, created=me.created - 50)},
    ).write()
    (finding,) = await check_processes(patient(tmp_path))
    assert finding.state is State.FAILED
    assert finding.detail == "not running: worker"


async def test_a_check_that_hangs_is_a_failure_of_its_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setattr(doctor, "CHECK_WITHIN_S", 0.2)
        url = f"postgresql+asyncpg://me@127.0.0.1:{silent.getsockname()[1]}/x"
        finding = await doctor.run_check(check_postgres, patient(tmp_path, database_url=url))
    assert [found.detail for found in finding] == ["no answer within 0 s"]


async def test_files_are_read_as_uploads_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (works,) = await check_files(patient(tmp_path))
    assert works.state is State.OK
    monkeypatch.setattr(checks_of_files, "Isolation", partial(Isolation, preload=["no.such.module"]))
    (broken,) = await check_files(patient(tmp_path))
    assert broken.state is State.FAILED
    assert "seccomp" in broken.remedy


@pytest.mark.parametrize(
    ("setting", "state"), [("off", State.SKIPPED), ("/nowhere/slicer", State.FAILED), (sys.executable, State.OK)]
)
async def test_the_slicer_is_found_where_the_setting_says(tmp_path: Path, setting: str, state: State) -> None:
    (finding,) = await check_slicer(patient(tmp_path, slicer=setting))
    assert finding.state is state


async def test_the_malware_scanner_is_off_until_one_is_named(tmp_path: Path) -> None:
    (off,) = await check_scanner(patient(tmp_path))
    assert (off.state, "unscanned" in off.detail) == (State.SKIPPED, True)
    async with clamd() as daemon:
        (works,) = await check_scanner(patient(tmp_path, clamav_url=daemon.url))
    (gone,) = await check_scanner(patient(tmp_path, clamav_url=daemon.url))
    (wrong,) = await check_scanner(patient(tmp_path, clamav_url="scanner"))
    assert (works.state, "ClamAV 1.4.1" in works.detail) == (State.OK, True)
    assert (gone.state, "every upload is refused" in gone.remedy) == (State.FAILED, True)
    assert (wrong.state, "tcp://host:3310" in wrong.remedy) == (State.FAILED, True)
