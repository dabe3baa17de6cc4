"""Asks ClamAV's daemon whether a file is malware: the INSTREAM command of clamd, over TCP or a Unix socket.

The caller decides what an answer means; what is no clear answer raises, so that it can fail closed.
"""

import asyncio
import contextlib
import re
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

CHUNK_BYTES = 256 * 1024
CLAMD_PORT = 3310
LONGEST_REPLY = 4096
LONGEST_SIGNATURE = 200
END_OF_FILE = struct.pack("!I", 0)
CLEAN = b"stream: OK"
INFECTED = re.compile(rb"stream: ([ -~]+) FOUND")
TOO_LARGE = re.compile(rb"INSTREAM size limit exceeded\b.*")


class ScannerUnavailableError(Exception):
    """The scanner can't be reached, takes too long, hangs up, or says what is no answer."""


class ScanTooLargeError(Exception):
    """The scanner takes no file that large: `StreamMaxLength` in clamd.conf."""


class ScannerUrlError(ValueError):
    """The setting names no scanner."""


@dataclass(frozen=True)
class ScanLimits:
    """How long connecting and a whole scan may take, in seconds."""

    connect_s: float = 5.0
    scan_s: float = 60.0


@dataclass(frozen=True)
class ClamAv:
    """One clamd; a connection for each file, as it wants them. `path` is a Unix socket, else `host` and `port`."""

    limits: ScanLimits
    host: str = ""
    port: int = CLAMD_PORT
    path: str = ""

    @classmethod
    def from_url(cls, url: str, limits: ScanLimits | None = None) -> Self:
        """The scanner at `tcp://host:3310` or `unix:///run/clamav/clamd.sock`; raises `ScannerUrlError`."""
        limits = limits or ScanLimits()
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError as error:
            raise ScannerUrlError(f"{url}: {error}") from error
        if parts.scheme == "tcp" and parts.hostname and parts.path in ("", "/"):
            return cls(limits, host=parts.hostname, port=port or CLAMD_PORT)
        if parts.scheme == "unix" and not parts.netloc and len(parts.path) > 1:
            return cls(limits, path=parts.path)
        raise ScannerUrlError(f"{url} is neither tcp://host:port nor unix:///path")

    async def scan(self, content: bytes) -> str | None:
        """The signature of the malware in a file, None when it is clean.

        Raises `ScannerUnavailableError` when that can't be told, `ScanTooLargeError` when the scanner takes less.
        """
        reply = await self._converse(b"zINSTREAM\0", content)
        if reply == CLEAN:
            return None
        if found := INFECTED.fullmatch(reply):
            return found.group(1).decode("ascii")[:LONGEST_SIGNATURE]
        if TOO_LARGE.fullmatch(reply):
            raise ScanTooLargeError(f"{self} takes fewer than {len(content):,} bytes")
        raise ScannerUnavailableError(f"{self} answers {reply[:80]!r}")

    async def version(self) -> str:
        """What the scanner says it is, such as `ClamAV 1.4.1/27460/Sat Nov 21 09:00:00 2026`; raises like `scan`."""
        reply = (await self._converse(b"zVERSION\0")).decode("ascii", "replace")
        if not reply.startswith("ClamAV "):
            raise ScannerUnavailableError(f"{self} answers {reply[:80]!r}: that is no clamd")
        return reply

    async def _converse(self, command: bytes, content: bytes | None = None) -> bytes:
        try:
            async with asyncio.timeout(self.limits.scan_s), self._connected() as (reader, writer):
                # Listened to from the beginning: it may refuse a file before all of it was sent, and hang up.
                reply, has_all = asyncio.ensure_future(reader.readuntil(b"\0")), False
                try:
                    with contextlib.suppress(ConnectionError):
                        has_all = await _send(writer, command, content, reply)
                    said = (await reply).rstrip(b"\0")
                    if said == CLEAN and not has_all:
                        raise ScannerUnavailableError(f"{self} calls a file clean before it was sent")
                    return said
                finally:
                    reply.cancel()
        except TimeoutError as error:
            raise ScannerUnavailableError(f"{self} gave no answer within {self.limits.scan_s:g} s") from error
        except asyncio.IncompleteReadError as error:
            raise ScannerUnavailableError(f"{self} hung up without an answer") from error
        except asyncio.LimitOverrunError as error:
            raise ScannerUnavailableError(f"{self} talks without an end") from error
        except OSError as error:
            raise ScannerUnavailableError(f"{self}: {error.strerror or error}") from error

    @asynccontextmanager
    async def _connected(self) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        async with asyncio.timeout(self.limits.connect_s):
            if self.path:
                reader, writer = await asyncio.open_unix_connection(self.path, limit=LONGEST_REPLY)
            else:
                reader, writer = await asyncio.open_connection(self.host, self.port, limit=LONGEST_REPLY)
        try:
            yield reader, writer
        finally:
            # Nothing is left to be said, and waiting for a scanner that hangs would never end.
            writer.transport.abort()

    def __str__(self) -> str:
        """Where it is."""
        return f"clamd at {self.path or f'{self.host}:{self.port}'}"


async def _send(
    writer: asyncio.StreamWriter, command: bytes, content: bytes | None, reply: asyncio.Future[bytes]
) -> bool:
    """False when the answer came before everything was sent."""
    writer.write(command)
    if content is not None:
        view = memoryview(content)
        for start in range(0, len(view), CHUNK_BYTES):
            if reply.done():
                return False
            chunk = view[start : start + CHUNK_BYTES]
            writer.write(struct.pack("!I", len(chunk)))
            writer.write(chunk)
            await writer.drain()
        writer.write(END_OF_FILE)
    with contextlib.suppress(ConnectionError):  # whoever has it all may answer and hang up
        await writer.drain()
    return True
