"""The doctor's checks of files: read in a child that can reach nothing, by a slicer and a malware scanner if any."""

import shutil
import struct
from contextlib import aclosing
from tempfile import TemporaryFile

from fulfil.deploy.findings import Finding, Patient, fail, skip, well
from fulfil.gateways.clamav import ClamAv, ScanLimits, ScannerUnavailableError, ScannerUrlError
from fulfil.gateways.slicer import PrusaSlicer
from fulfil.kit.isolation import Isolation, IsolationError
from fulfil.quoting.analysis import Analysis, analyse_file, read_step

CORNERS = ((0.0, 0.0, 0.0), (20.0, 0.0, 0.0), (0.0, 20.0, 0.0), (0.0, 0.0, 20.0))
FACES = ((0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3))
SCANNER_PATIENCE = ScanLimits(connect_s=3.0, scan_s=6.0)
FACET = struct.Struct("<12fH")


async def check_files(patient: Patient) -> list[Finding]:
    """Measures a small solid as any upload is measured."""
    del patient
    facets = [FACET.pack(0, 0, 0, *(value for corner in face for value in CORNERS[corner]), 0) for face in FACES]
    with TemporaryFile() as file:
        file.write(bytes(80) + struct.pack("<I", len(facets)) + b"".join(facets))
        file.flush()
        try:
            async with Isolation() as isolation, aclosing(isolation.frames(analyse_file, file, b"{}")) as frames:
                last = [read_step(frame) async for frame in frames][-1]
        except IsolationError as error:
            remedy = "it needs Linux on x86-64 or ARM64 with seccomp, and the packages of requirements.lock"
            return [fail("file reading", error.detail.splitlines()[-1], remedy)]
    if not isinstance(last, Analysis) or last.solid is None:
        return [fail("file reading", "a tetrahedron was not recognised", "reinstall: remove .venv and run `make up`")]
    return [well("file reading", "a solid was measured in a child without network and programs")]


async def check_slicer(patient: Patient) -> list[Finding]:
    """The slicer that confirms estimates; there need not be one."""
    setting = patient.settings.slicer
    if setting == "off":
        return [skip("slicer", "switched off: estimates can't be confirmed")]
    if setting != "auto":
        if shutil.which(setting):
            return [well("slicer", setting)]
        return [fail("slicer", f"{setting} is missing", "set FULFIL_SLICER to the program's path, `auto` or `off`")]
    found = PrusaSlicer.find()
    if found is None:
        return [skip("slicer", "none is installed: estimates can't be confirmed")]
    return [well("slicer", str(found.program))]


async def check_scanner(patient: Patient) -> list[Finding]:
    """The malware scanner of uploads; without one they are stored as they come."""
    url = patient.settings.clamav_url
    if not url:
        return [
            skip("malware scan", "off: uploads are stored unscanned; set FULFIL_CLAMAV_URL to a clamd to scan them")
        ]
    try:
        said = await ClamAv.from_url(url, SCANNER_PATIENCE).version()
    except ScannerUrlError as error:
        return [fail("malware scan", str(error), "write FULFIL_CLAMAV_URL as tcp://host:3310 or unix:///path")]
    except ScannerUnavailableError as error:
        remedy = "start clamd, or correct FULFIL_CLAMAV_URL: until then every upload is refused"
        return [fail("malware scan", str(error), remedy)]
    return [well("malware scan", f"{said} at {url}")]
