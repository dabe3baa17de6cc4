"""The one way a process of ours starts and ends."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_main(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end, then pause 0.3 s: the Temporal SDK's threads may abort a process that leaves at once."""
    try:
        return asyncio.run(main)
    finally:
        time.sleep(0.3)
