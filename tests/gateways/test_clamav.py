"""The scanner's protocol against a clamd on a socket: clean, infected, too large, slow, gone and confused."""

from pathlib import Path

import pytest

from fulfil.gateways.clamav import (
    CHUNK_BYTES,
    ClamAv,
    ScanLimits,
    ScannerUnavailableError,
    ScannerUrlError,
    ScanTooLargeError,
)
from tests.conftest import free_port
from tests.gateways.clamd import EICAR, clamd

HASTY = ScanLimits(connect_s=0.2, scan_s=0.2)


async def test_a_clean_file_has_no_signature_and_arrives_in_chunks() -> None:
    content = bytes(2 * CHUNK_BYTES + 1)
    async with clamd() as daemon:
        assert await ClamAv.from_url(daemon.url).scan(content) is None
    assert daemon.chunks == [CHUNK_BYTES, CHUNK_BYTES, 1]


async def test_malware_is_named() -> None:
    async with clamd() as daemon:
        assert await ClamAv.from_url(daemon.url).scan(b"zip" + EICAR) == "Eicar-Signature"


async def test_a_unix_socket_is_as_good(tmp_path: Path) -> None:
    async with clamd(path=tmp_path / "clamd.sock") as daemon:
        scanner = ClamAv.from_url(daemon.url)
        assert await scanner.scan(EICAR) == "Eicar-Signature"
        assert await scanner.version() == "ClamAV 1.4.1/27460/Sat Nov 21 09:00:00 2026"
    assert str(scanner) == f"clamd at {tmp_path}/clamd.sock"


async def test_a_file_the_scanner_does_not_take_is_not_clean() -> None:
    async with clamd(most_bytes=CHUNK_BYTES) as daemon:
        with pytest.raises(ScanTooLargeError):
            await ClamAv.from_url(daemon.url).scan(bytes(20 * CHUNK_BYTES))
    assert len(daemon.chunks) == 2


@pytest.mark.parametrize("manner", ["drops", "hangs", "babbles", "errs", "stammers"])
async def test_what_is_no_clear_answer_is_none(manner: str) -> None:
    async with clamd(manner) as daemon:
        with pytest.raises(ScannerUnavailableError, match="clamd at"):
            await ClamAv.from_url(daemon.url, HASTY).scan(bytes(3 * CHUNK_BYTES))


async def test_who_calls_a_file_clean_before_it_was_all_there_has_not_seen_it() -> None:
    async with clamd("hurries") as daemon:
        with pytest.raises(ScannerUnavailableError, match="before"):
            await ClamAv.from_url(daemon.url).scan(bytes(100 * CHUNK_BYTES))


async def test_a_scanner_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    for url in (f"tcp://127.0.0.1:{free_port()}", f"unix://{tmp_path}/none.sock"):
        with pytest.raises(ScannerUnavailableError):
            await ClamAv.from_url(url, HASTY).scan(b"x")


async def test_another_server_is_no_scanner() -> None:
    async with clamd("lies") as daemon:
        with pytest.raises(ScannerUnavailableError, match="no clamd"):
            await ClamAv.from_url(daemon.url, HASTY).version()


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("tcp://scanner", "clamd at scanner:3310"),
        ("tcp://10.0.0.7:99", "clamd at 10.0.0.7:99"),
        ("tcp://[::1]:99", "clamd at ::1:99"),
        ("unix:///run/clamav/clamd.sock", "clamd at /run/clamav/clamd.sock"),
    ],
)
def test_a_url_says_where_the_scanner_is(url: str, where: str) -> None:
    assert str(ClamAv.from_url(url)) == where


@pytest.mark.parametrize(
    "url", ["", "scanner:3310", "http://scanner", "tcp://", "tcp://scanner:x", "unix://run/clamd.sock", "unix:///"]
)
def test_a_url_that_names_no_scanner_is_refused(url: str) -> None:
    with pytest.raises(ScannerUrlError):
        ClamAv.from_url(url)
