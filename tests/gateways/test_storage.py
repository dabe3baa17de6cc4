"""Objects are stored whole, once, under their hash, and read back verified, in a folder and over S3."""

import asyncio
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fulfil.gateways.storage import ObjectMissingError, ObjectStorage, StorageUnavailableError, object_key
from tests.gateways.s3 import Bucket, running_s3

ABSENT = "0" * 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data folder" / "objects"


@pytest.fixture
def local(folder: Path) -> ObjectStorage:
    return ObjectStorage.from_url(folder.as_uri())


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with running_s3() as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        yield running


@pytest.fixture(params=["local", "s3"])
def storage(request: pytest.FixtureRequest) -> ObjectStorage:
    if request.param == "local":
        stored: ObjectStorage = request.getfixturevalue("local")
        return stored
    request.getfixturevalue("bucket")
    return ObjectStorage.from_url("s3://parts/uploads")


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


async def read_all(storage: ObjectStorage, sha256: str) -> bytes:
    return b"".join([chunk async for chunk in await storage.stream(sha256)])


@pytest.mark.parametrize("content", [b"", b"a part", os.urandom(3 << 20)], ids=["empty", "small", "large"])
async def test_what_was_put_comes_back(storage: ObjectStorage, content: bytes) -> None:
    sha256 = await storage.put(content)
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert await storage.exists(sha256)
    assert await storage.get(sha256) == content
    assert await read_all(storage, sha256) == content


@pytest.mark.parametrize("sha256", [ABSENT, "", "../../etc/passwd", "A" * 64, "0" * 63])
async def test_what_was_never_put_is_missing(storage: ObjectStorage, sha256: str) -> None:
    assert not await storage.exists(sha256)
    with pytest.raises(ObjectMissingError):
        await storage.get(sha256)
    with pytest.raises(ObjectMissingError):
        await storage.stream(sha256)


async def test_the_same_content_put_often_and_at_once_is_one_object(local: ObjectStorage, folder: Path) -> None:
    hashes = await asyncio.gather(*[local.put(b"a part") for _ in range(20)])
    assert len(set(hashes)) == 1
    assert files_in(folder) == [object_key(hashes[0])]
    assert await local.get(hashes[0]) == b"a part"


async def test_the_key_spreads_objects_over_folders(local: ObjectStorage, folder: Path) -> None:
    sha256 = await local.put(b"a part")
    assert files_in(folder) == [f"sha256/{sha256[:2]}/{sha256[2:]}"]


async def test_a_put_that_is_cut_off_leaves_nothing_under_its_hash(local: ObjectStorage, folder: Path) -> None:
    content = os.urandom(8 << 20)
    sha256 = hashlib.sha256(content).hexdigest()
    for delay in (0, 0.001, 0.003, 0.006, 0.01):
        put = asyncio.create_task(local.put(content))
        await asyncio.sleep(delay)
        put.cancel()
        await asyncio.gather(put, return_exceptions=True)
        if await local.exists(sha256):
            assert await local.get(sha256) == content
            (folder / object_key(sha256)).unlink()
    assert await local.put(content) == sha256
    assert await local.get(sha256) == content


async def test_a_half_file_is_never_returned_and_putting_again_heals_it(local: ObjectStorage, folder: Path) -> None:
    sha256 = await local.put(b"a whole part")
    (folder / object_key(sha256)).write_bytes(b"a whole")
    with pytest.raises(StorageUnavailableError, match="other content"):
        await local.get(sha256)
    with pytest.raises(StorageUnavailableError, match="other content"):
        await read_all(local, sha256)
    assert await local.put(b"a whole part") == sha256
    assert await local.get(sha256) == b"a whole part"


async def test_content_changed_in_place_is_never_returned(local: ObjectStorage, folder: Path) -> None:
    sha256 = await local.put(b"a part")
    (folder / object_key(sha256)).write_bytes(b"A part")
    with pytest.raises(StorageUnavailableError, match="other content"):
        await local.get(sha256)


@pytest.fixture
def broken(local: ObjectStorage, folder: Path) -> ObjectStorage:
    """A storage whose folder has become a file."""
    folder.rmdir()
    folder.write_bytes(b"")
    return local


async def test_a_folder_that_became_a_file_is_trouble_and_not_absence(broken: ObjectStorage) -> None:
    with pytest.raises(StorageUnavailableError):
        await broken.put(b"a part")
    with pytest.raises(StorageUnavailableError):
        await broken.get(ABSENT)
    with pytest.raises(StorageUnavailableError):
        await broken.check()


def test_a_folder_that_cannot_be_made_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageUnavailableError):
        ObjectStorage.from_url((tmp_path / "file" / "objects").as_uri())


@pytest.mark.parametrize("url", ["", "objects", "ftp://host/objects", "memory:///"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="neither file:///… nor s3://…"):
        ObjectStorage.from_url(url)


async def test_s3_objects_lie_below_the_prefix_at_the_endpoint_of_the_environment(bucket: Bucket) -> None:
    sha256 = await ObjectStorage.from_url("s3://parts/uploads").put(b"a part")
    assert bucket.objects == {f"/parts/uploads/sha256/{sha256[:2]}/{sha256[2:]}": b"a part"}


async def test_s3_content_is_not_sent_twice(bucket: Bucket) -> None:
    storage = ObjectStorage.from_url("s3://parts")
    await storage.put(b"a part")
    await storage.put(b"a part")
    assert [request.split()[0] for request in bucket.requests] == ["HEAD", "PUT", "HEAD"]


@pytest.mark.parametrize("status", [500, 503, 403])
async def test_an_s3_failure_is_trouble_and_not_absence(bucket: Bucket, status: int) -> None:
    storage = ObjectStorage.from_url("s3://parts")
    sha256 = await storage.put(b"a part")
    bucket.failing = status
    for attempt in (storage.get(sha256), storage.exists(sha256), storage.put(b"another"), storage.check()):
        with pytest.raises(StorageUnavailableError):
            await attempt
    bucket.failing = 0
    assert await storage.get(sha256) == b"a part"


async def test_a_missing_bucket_is_trouble(bucket: Bucket) -> None:
    bucket.missing = True
    with pytest.raises(StorageUnavailableError):
        await ObjectStorage.from_url("s3://parts").check()


async def test_an_endpoint_that_nobody_serves_is_trouble(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    del bucket
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StorageUnavailableError):
        await ObjectStorage.from_url("s3://parts").get(ABSENT)
