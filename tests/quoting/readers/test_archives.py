"""A zip is believed only as far as its bytes bear it out."""

import io
import zipfile

import pytest

from fulfil.quoting.readers.archives import Archive
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode
from tests.quoting.hostile.zips import Entry, entry, repeated, zip_of

TEXT = b"one line of text, " * 1000


def written(method: int) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        archive.writestr("folder/", b"")
        archive.writestr("folder/text", TEXT)
        archive.writestr("empty", b"")
    return content.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_honest_archive_is_read_whole(method: int) -> None:
    archive = Archive(written(method))
    assert archive.names == ("folder/text", "empty")
    assert archive.read("folder/text") == TEXT
    assert archive.read("empty") == b""
    assert "folder/" not in archive


def test_a_name_that_is_not_inside_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Archive(written(zipfile.ZIP_STORED)).read("other")


def test_a_budget_is_shared_by_all_files() -> None:
    archive = Archive(zip_of([entry("a", TEXT), entry("b", TEXT)]), most_inflated_bytes=2 * len(TEXT))
    assert archive.read("a") == archive.read("b")
    with pytest.raises(QuotingRefusalError, match="larger than"):
        archive.read("a")


def test_the_sum_in_the_directory_is_refused_before_anything_is_unpacked() -> None:
    with pytest.raises(QuotingRefusalError) as refusal:
        Archive(zip_of([entry("a", TEXT), entry("b", TEXT)]), most_inflated_bytes=2 * len(TEXT) - 1)
    assert refusal.value.code is RefusalCode.ARCHIVE_BOMB


def test_a_directory_that_announces_too_little_is_found_out_while_unpacking() -> None:
    archive = Archive(zip_of([Entry("a", repeated(bytes(1 << 20), 4000), size=5000)]))
    with pytest.raises(QuotingRefusalError) as refusal:
        archive.read("a")
    assert refusal.value.code is RefusalCode.ARCHIVE_BOMB


def test_a_directory_that_announces_too_much_is_damage() -> None:
    honest = entry("a", TEXT)
    archive = Archive(zip_of([Entry("a", honest.packed, honest.size + 1, honest.checksum)]))
    with pytest.raises(QuotingRefusalError) as refusal:
        archive.read("a")
    assert refusal.value.code is RefusalCode.FILE_UNREADABLE


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_a_stream_that_ends_early_is_damage(cut: int) -> None:
    honest = entry("a", bytes(range(256)) * 40)
    archive = Archive(zip_of([Entry("a", honest.packed[:-cut], honest.size, honest.checksum)]))
    with pytest.raises(QuotingRefusalError) as refusal:
        archive.read("a")
    assert refusal.value.code is RefusalCode.FILE_UNREADABLE
