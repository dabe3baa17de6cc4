"""The doctor's checks of this machine: interpreter, binaries, folder, ports, processes, secrets, addresses."""

import platform
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from fulfil.deploy.findings import Finding, Patient, fail, skip, warn, well
from fulfil.deploy.plan import STRIPE_PORT, TEMPORAL_PORT, TEMPORAL_SETTINGS, TEMPORAL_UI_PORT, is_set
from fulfil.deploy.ports import is_free
from fulfil.deploy.postgres import PostgresError, find_binaries
from fulfil.deploy.temporal_server import TemporalBinaryError, temporal_binary
from fulfil.kit.health import http_get

OLDEST_PYTHON = (3, 11)
FREE_BYTES_WANTED = 1024**3
SHORTEST_JWT_SECRET = 32
OK = 200


async def check_python(patient: Patient) -> list[Finding]:
    """Version of the interpreter."""
    del patient
    version = platform.python_version()
    if sys.version_info < OLDEST_PYTHON:
        return [fail("Python", f"{version} is too old", "install Python 3.11 or newer and run `make up` again")]
    return [well("Python", f"{version} in {sys.prefix}")]


async def check_binaries(patient: Patient) -> list[Finding]:
    """The servers the embedded stack would start."""
    findings: list[Finding] = []
    remedy = "reinstall: remove .venv and run `make up`"
    if "database_url" not in patient.settings.model_fields_set:
        try:
            binary = find_binaries() / "postgres"
            findings.append(well("PostgreSQL binary", str(binary)) if binary.exists() else _absent(binary, remedy))
        except PostgresError as error:
            findings.append(fail("PostgreSQL binary", str(error), remedy))
    if not is_set(*TEMPORAL_SETTINGS):
        try:
            findings.append(well("Temporal binary", str(temporal_binary())))
        except TemporalBinaryError as error:
            findings.append(fail("Temporal binary", str(error), remedy))
    return findings


def _absent(binary: Path, remedy: str) -> Finding:
    return fail("PostgreSQL binary", f"{binary} is missing", remedy)


async def check_data_folder(patient: Patient) -> list[Finding]:
    """Can be made, written, and has room."""
    folder = patient.settings.data_dir.absolute()
    standing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=standing, prefix=".fulfil-doctor-"):
            free = shutil.disk_usage(standing).free
    except OSError as error:
        return [
            fail("data folder", f"{folder}: {error.strerror}", "choose another one (--data-dir), or give us the right")
        ]
    if free < FREE_BYTES_WANTED:
        return [warn("data folder", f"{folder}: {free // 1024**2:,} MiB are free", "make room: 1 GiB is wise")]
    return [well("data folder", f"{folder}: {free / 1024**3:,.0f} GiB free")]


async def check_ports(patient: Patient) -> list[Finding]:
    """The usual ports of what the embedded stack would start."""
    if patient.stack is not None or not patient.expects_embedded:
        return []
    usual = {"API": patient.settings.api_port}
    if not is_set(*TEMPORAL_SETTINGS):
        usual |= {"Temporal": TEMPORAL_PORT, "Temporal UI": TEMPORAL_UI_PORT}
    if not patient.settings.stripe_api_key.get_secret_value():
        usual["Stripe simulator"] = STRIPE_PORT
    taken = [f"{port} ({name})" for name, port in usual.items() if not is_free(port)]
    if taken:
        return [warn("ports", f"taken: {', '.join(taken)}", "nothing: `fulfil up` takes free ones and prints them")]
    return [well("ports", f"free: {', '.join(map(str, usual.values()))}")]


async def check_processes(patient: Patient) -> list[Finding]:
    """The processes of the running embedded stack."""
    if patient.stack is None:
        return []
    gone = [name for name, record in patient.stack.processes.items() if record.alive() is None]
    logs = patient.settings.data_dir / "logs"
    if gone:
        return [fail("processes", f"not running: {', '.join(gone)}", f"see {logs}; they are restarted by `fulfil up`")]
    return [well("processes", ", ".join(f"{name} {record.pid}" for name, record in patient.stack.processes.items()))]


async def check_tokens(patient: Patient) -> list[Finding]:
    """The secret that signs our own tokens."""
    secret = patient.settings.jwt_secret.get_secret_value()
    if not secret and patient.stack is None and patient.expects_embedded:
        return [skip("sign-in", "`fulfil up` makes its own secret")]
    if len(secret) < SHORTEST_JWT_SECRET:
        return [
            fail(
                "sign-in",
                f"FULFIL_JWT_SECRET has {len(secret)} characters",
                f"set at least {SHORTEST_JWT_SECRET} random ones: `openssl rand -base64 48`",
            )
        ]
    return [well("sign-in", "the secret for tokens is set")]


async def check_api(patient: Patient) -> list[Finding]:
    """The API, as it judges itself."""
    url = urlsplit(patient.settings.api_url)
    if url.scheme != "http":
        return [skip("API", f"{patient.settings.api_url} is behind TLS; ask its /readyz")]
    status, body = await http_get(f"{url.hostname}:{url.port or 80}", "/readyz", timeout_s=5)
    if not status:
        return [fail("API", f"{patient.settings.api_url} does not answer", patient.start_it)]
    if status != OK:
        return [fail("API", f"not ready: {' '.join(body.split())[:200]}", "mend what it names")]
    return [well("API", f"{patient.settings.api_url} is ready")]


async def check_collector(patient: Patient) -> list[Finding]:
    """The OpenTelemetry collector, when one is set."""
    endpoint = patient.settings.otlp_endpoint
    if not endpoint:
        return []
    url = urlsplit(endpoint)
    status, _ = await http_get(f"{url.hostname}:{url.port or 4318}", "/", timeout_s=3)
    if not status and url.scheme == "http":
        return [
            warn("traces", f"{endpoint} does not answer", "start the collector, or unset OTEL_EXPORTER_OTLP_ENDPOINT")
        ]
    return [well("traces", f"sent to {endpoint}")]
