"""`make demo`, as somebody who has just cloned the project sees it."""

import re
from pathlib import Path

import psutil

from tests.e2e.conftest import fulfil_process

STEPS = [
    "the retried request joined the first",
    "the bank holds the money",
    "2 of them accept at the same moment",
    "the other one got 409",
    "the photo is stored",
    "shipped with DHL, tracking number 00340434161094042557",
    "closed; the provider was paid by one transfer",
    "every transaction sums to zero",
    "nothing is held any more",
    "events and 18 actions in all",
    "one order, two lines, one payment of",
    "the one revision that is included is used",
    "the order is still in fulfilment",
    "every transaction sums to zero, nothing is held",
    "exactly the part's price",
]


async def test_the_demo_plays_two_orders_and_leaves_nothing_behind() -> None:
    ran = await fulfil_process("demo", environment={"NO_COLOR": "1"})
    assert ran.code == 0, ran.out + ran.err
    places = [ran.out.index(step) for step in STEPS]
    assert places == sorted(places)
    folder = re.search(r"Data folder\s+(\S+)", ran.out)
    assert folder is not None
    assert left_behind(folder[1]) == []


def left_behind(folder: str) -> list[str]:
    """The folder, and processes that were started with it."""
    commands = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    return [command for command in commands if folder in command] + [folder] * Path(folder).exists()
