"""A clamd on a real socket that speaks its protocol, and misbehaves as told."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

# The harmless test string every scanner knows, in two halves: this file is none.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@dataclass
class FakeClamd:
    """Scans for EICAR; `manner` is how it behaves, `most_bytes` its StreamMaxLength."""

    manner: str = "well"
    most_bytes: int = 25_000_000
    url: str = ""
    chunks: list[int] = field(default_factory=list[int])
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one command."""
        with contextlib.closing(writer), contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._converse(reader, writer)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command = await reader.readuntil(b"\0")
        self.asked.set()
        if command == b"zVERSION\0":
            writer.write(b"ClamAV 1.4.1/27460/Sat Nov 21 09:00:00 2026\0" if self.manner == "well" else b"SSH-2.0\0")
            return
        assert command == b"zINSTREAM\0"
        if self.manner == "drops":
            return
        if self.manner == "hurries":
            writer.write(b"stream: OK\0")
            await writer.drain()
            await reader.read()
            return
        content = b""
        while size := struct.unpack("!I", await reader.readexactly(4))[0]:
            self.chunks.append(size)
            content += await reader.readexactly(size)
            if len(content) > self.most_bytes:
                writer.write(b"INSTREAM size limit exceeded. ERROR\0")
                await writer.drain()
                # Read what is still on its way, so that the answer is not lost with the connection.
                await reader.read()
                return
        if self.manner == "hangs":
            await reader.read()
        elif self.manner == "babbles":
            writer.write(b"x" * 100_000)
        elif self.manner == "errs":
            writer.write(b"stream: Can't allocate memory ERROR\0")
        elif self.manner == "stammers":
            writer.write(b"stream: O")
        else:
            writer.write(b"stream: Eicar-Signature FOUND\0" if EICAR in content else b"stream: OK\0")
        await writer.drain()


@asynccontextmanager
async def clamd(
    manner: str = "well", *, most_bytes: int = 25_000_000, path: Path | None = None
) -> AsyncGenerator[FakeClamd]:
    """A daemon on a port of its own, or on a Unix socket."""
    fake = FakeClamd(manner, most_bytes)
    if path is not None:
        server = await asyncio.start_unix_server(fake.handle, path)
        fake.url = f"unix://{path}"
    else:
        server = await asyncio.start_server(fake.handle, "127.0.0.1", 0)
        fake.url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield fake
    finally:
        server.close()
