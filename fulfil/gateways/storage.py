"""Files in object storage under their SHA-256: a local folder, S3 or MinIO, by URL."""

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

if TYPE_CHECKING:
    from obstore import GetResult  # obstore's name for annotations only; it does not exist at run time

SHA256 = re.compile(r"[0-9a-f]{64}")
# Hashing more than this at once would be felt by every other task of the loop.
HASH_INLINE_BYTES = 1 << 20
STREAM_CHUNK_BYTES = 1 << 18
REQUEST_TIMEOUT = timedelta(seconds=30)
RETRY_TIMEOUT = timedelta(seconds=5)
MAX_RETRIES = 2
# The names obstore reads an S3 endpoint from.
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


class ObjectMissingError(Exception):
    """No object is stored under this SHA-256; trying again won't help."""

    def __init__(self, sha256: str) -> None:
        super().__init__(f"no object {sha256}")
        self.sha256 = sha256


class StorageUnavailableError(Exception):
    """The object store can't be reached, refuses us, or gave back other content than was stored; worth a retry."""


class ObjectStorage:
    """Content-addressed objects: what is stored under a hash has that hash, or reading it fails.

    A write appears whole or not at all, and writing the same content twice is one object.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Open `file:///folder` (made if missing) or `s3://bucket/prefix`.

        S3 takes its endpoint, region and credentials from `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`,
        `AWS_SECRET_ACCESS_KEY`, …; an `http://` endpoint (MinIO next door) is allowed. Raises `ValueError` for other
        schemes and `StorageUnavailableError` when the folder can't be made.
        """
        scheme = urlsplit(url).scheme
        with _translated_errors():
            if scheme == "file":
                return cls(from_url(url, mkdir=True))
            if scheme == "s3":
                endpoint = next((os.environ[name] for name in ENDPOINT_VARIABLES if os.environ.get(name)), "")
                return cls(
                    from_url(
                        url,
                        client_options={"timeout": REQUEST_TIMEOUT, "allow_http": endpoint.startswith("http://")},
                        retry_config={"max_retries": MAX_RETRIES, "retry_timeout": RETRY_TIMEOUT},
                    )
                )
        raise ValueError(f"storage URL {url!r} is neither file:///… nor s3://…")

    async def put(self, content: bytes) -> str:
        """Store the content, if it isn't yet, and return its SHA-256; raises `StorageUnavailableError`."""
        sha256 = await _digest(content)
        if await self._size(sha256) == len(content):
            return sha256
        try:
            with _translated_errors():
                await obstore.put_async(self._store, object_key(sha256), content, use_multipart=False)
        except ObjectMissingError as error:
            raise StorageUnavailableError("the bucket or folder does not exist") from error
        return sha256

    async def get(self, sha256: str) -> bytes:
        """The whole content, verified; raises `ObjectMissingError` or `StorageUnavailableError`."""
        with _translated_errors(sha256):
            result = await obstore.get_async(self._store, object_key(sha256))
            content = bytes(await result.bytes_async())
        if await _digest(content) != sha256:
            raise _corrupt(sha256, len(content))
        return content

    async def exists(self, sha256: str) -> bool:
        """Whether an object is stored under this hash; raises `StorageUnavailableError`."""
        return SHA256.fullmatch(sha256) is not None and await self._size(sha256) is not None

    async def stream(self, sha256: str) -> AsyncIterator[bytes]:
        """The content in chunks, for files too large to hold.

        Raises `ObjectMissingError` at once; `StorageUnavailableError` also after the last chunk, when the
        content turns out to be another than was stored.
        """
        with _translated_errors(sha256):
            result = await obstore.get_async(self._store, object_key(sha256))
        return _verified_chunks(result, sha256)

    async def check(self) -> None:
        """Prove that objects can be written and found; raises `StorageUnavailableError`."""
        await self.put(b"")

    async def _size(self, sha256: str) -> int | None:
        try:
            with _translated_errors(sha256):
                return (await obstore.head_async(self._store, object_key(sha256)))["size"]
        except ObjectMissingError:
            return None


def object_key(sha256: str) -> str:
    """`sha256/ab/cdef…`: folders of a size any file system likes; raises `ObjectMissingError` for anything else."""
    if not SHA256.fullmatch(sha256):
        raise ObjectMissingError(sha256)
    return f"sha256/{sha256[:2]}/{sha256[2:]}"


async def _verified_chunks(result: "GetResult", sha256: str) -> AsyncIterator[bytes]:
    digest, size = hashlib.sha256(), 0
    with _translated_errors(sha256):
        async for piece in result.stream(min_chunk_size=STREAM_CHUNK_BYTES):
            chunk = bytes(piece)
            digest.update(chunk)
            size += len(chunk)
            yield chunk
    if digest.hexdigest() != sha256:
        raise _corrupt(sha256, size)


def _corrupt(sha256: str, size: int) -> StorageUnavailableError:
    return StorageUnavailableError(f"object {sha256} came back with other content ({size:,} bytes)")


async def _digest(content: bytes) -> str:
    if len(content) > HASH_INLINE_BYTES:
        return (await asyncio.to_thread(hashlib.sha256, content)).hexdigest()
    return hashlib.sha256(content).hexdigest()


@contextmanager
def _translated_errors(sha256: str = "") -> Generator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectMissingError(sha256) from error
    except (BaseError, OSError) as error:
        raise StorageUnavailableError(str(error).split("\n", 1)[0]) from error
