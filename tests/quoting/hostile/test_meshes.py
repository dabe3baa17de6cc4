"""Every hostile solid ends in a typed refusal or a finding, quickly; a crash of foreign code ends its process alone."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fulfil.models.messages.findings import Finding, FindingCode
from fulfil.models.messages.geometry import SolidGeometry
from fulfil.quoting.formats import SNIFF_BYTES, FileFormat, refuse_unquotable, sniff_format
from fulfil.quoting.readers.obj import read_obj
from fulfil.quoting.readers.step import read_step
from fulfil.quoting.readers.stl import read_stl
from fulfil.quoting.readers.threemf import read_threemf
from fulfil.quoting.refusals import QuotingRefusalError
from fulfil.quoting.solids.facts import measure_solid
from fulfil.quoting.units import decide_unit
from tests.quoting.hostile.files import HostileFile
from tests.quoting.hostile.meshes import HOSTILE_MESHES

READERS = {
    FileFormat.STL: read_stl,
    FileFormat.OBJ: read_obj,
    FileFormat.THREE_MF: read_threemf,
    FileFormat.STEP: read_step,
}
SURVIVABLE = [file for file in HOSTILE_MESHES if file.expects != "limits"]
CRASHING = [file for file in HOSTILE_MESHES if file.expects == "limits"]
# A child gets 20 s; nothing here comes near it, even on a busy machine.
MOST_SECONDS = 6.0
ROOT = Path(__file__).parents[3]
READ_A_STEP = "import sys; from fulfil.quoting.readers.step import read_step; read_step(sys.stdin.buffer.read())"


def analysed(content: bytes) -> tuple[SolidGeometry, tuple[Finding, ...]]:
    """What the quoting core makes of a solid, in this process."""
    found = sniff_format(content[:SNIFF_BYTES], len(content))
    if found is None or found not in READERS:
        raise refuse_unquotable(found)
    mesh = READERS[found](content)
    sides: list[float] = np.ptp(mesh.corners.reshape(-1, 3), axis=0).tolist()
    unit, units = decide_unit(mesh.unit, tuple(sides), None)
    measured = measure_solid(mesh.corners * np.float32(unit.mm_per_unit), unit)
    return measured.geometry, (*mesh.findings, *units, *measured.findings)


@pytest.mark.parametrize("file", SURVIVABLE, ids=lambda file: file.name)
def test_it_ends_as_expected(file: HostileFile) -> None:
    content = file.make()
    began = time.process_time()
    if file.expects == "refused":
        with pytest.raises(QuotingRefusalError) as refusal:
            analysed(content)
        assert refusal.value.detail.endswith((".", ")."))
    else:
        geometry, findings = analysed(content)
        assert geometry.volume_mm3 > 0
        assert {finding.code for finding in findings} - {FindingCode.UNIT_GUESSED}
    assert time.process_time() - began < MOST_SECONDS


def test_files_that_crash_opencascade_take_only_their_own_process_along() -> None:
    """Two of them, because each costs two seconds of imports."""
    ends: list[int] = []
    for file in (CRASHING[0], CRASHING[-1]):
        child = subprocess.run(
            [sys.executable, "-c", READ_A_STEP],
            input=file.make(),
            cwd=ROOT,
            check=False,
            timeout=60,
            capture_output=True,
        )
        ends.append(child.returncode)
        assert child.stdout == b""
    assert ends == [-signal.SIGSEGV, -signal.SIGSEGV]


def test_the_corpus_is_large_and_without_doubles() -> None:
    assert len({file.name for file in HOSTILE_MESHES}) == len(HOSTILE_MESHES) >= 100
    assert len(CRASHING) >= 5
