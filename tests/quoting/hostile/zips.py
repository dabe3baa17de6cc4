"""Zip archives written by hand, so that their directories can lie."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

STORED, DEFLATED = 0, 8
RAW = -15


@dataclass(frozen=True)
class Entry:
    """One file inside, as its directory describes it."""

    name: str
    packed: bytes
    size: int
    checksum: int = 0
    method: int = DEFLATED
    flags: int = 0
    offset: int | None = None  # where the directory says it begins; None: where it does


def entry(name: str, content: bytes, *, flags: int = 0, checksum: int | None = None) -> Entry:
    """An honest one."""
    packer = zlib.compressobj(6, wbits=RAW)
    packed = packer.compress(content) + packer.flush()
    return Entry(name, packed, len(content), zlib.crc32(content) if checksum is None else checksum, flags=flags)


def zip_of(entries: Sequence[Entry]) -> bytes:
    """The archive; directory and local headers agree unless an entry has an `offset`."""
    body, directory = bytearray(), bytearray()
    for each in entries:
        name = each.name.encode()
        fields = struct.pack(
            "<5H3I2H", 20, each.flags, each.method, 0, 0, each.checksum, len(each.packed), each.size, len(name), 0
        )
        start = len(body) if each.offset is None else each.offset
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + fields + struct.pack("<3H2I", 0, 0, 0, 0, start) + name
        if each.offset is None:
            body += b"PK\x03\x04" + fields + name + each.packed
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, len(entries), len(entries), len(directory), len(body), 0)
    return bytes(body + directory) + end


def three_mf(model: bytes | str, *more: Entry) -> bytes:
    """A 3MF with this root model and no relationships."""
    return zip_of([entry("3D/3dmodel.model", model.encode() if isinstance(model, str) else model), *more])


def repeated(block: bytes, times: int) -> bytes:
    """A raw deflate stream of `block`, `times` times, made without packing it more than once."""
    packer = zlib.compressobj(9, wbits=RAW)
    piece = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    return piece * times + zlib.compressobj(wbits=RAW).flush()
