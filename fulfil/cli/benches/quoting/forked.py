"""Reading STEP as the worker does: in a child forked from a process that has everything loaded."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from fulfil.kit.isolation import Isolation

HERE = "fulfil.cli.benches.quoting.forked"
READER = "fulfil.quoting.readers.step"


def read_step_file(file: BinaryIO, _: bytes) -> Iterator[bytes]:
    """The number of triangles of a STEP file."""
    from fulfil.quoting.readers.step import read_step  # noqa: PLC0415 (loaded where it runs)

    yield json.dumps(len(read_step(file.read()).corners)).encode()


async def forked_step_s(path: Path, times: int) -> tuple[float, int]:
    """The least elapsed time of a call, the fork included, and the triangles it found."""
    spent: list[float] = []
    triangles = 0
    async with Isolation(preload=[READER, HERE]) as isolation:
        for _ in range(times):
            began = time.perf_counter()
            with path.open("rb") as file:
                triangles = int([frame async for frame in isolation.frames(read_step_file, file)][-1])
            spent.append(time.perf_counter() - began)
    return min(spent), triangles
