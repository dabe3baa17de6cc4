"""The kill test in small: `fulfil simulate faults` is the large one."""

from pathlib import Path

import pytest

from fulfil.cli.benches.fault_run import FaultTest, Weather
from fulfil.cli.playing.scripts import Script
from fulfil.deploy.embedded import EmbeddedStack
from fulfil.deploy.ports import PortChoice
from fulfil.kit.settings import Settings

SEED = 4
ORDERS = 15
SQUALL = Weather(at_once=8, storm_s=20, pause_s=(0.5, 3.0), compare_every_s=8, unheard=1)


@pytest.mark.timeout(400)
async def test_orders_and_their_money_survive_killed_processes_and_lost_answers(tmp_path: Path) -> None:
    said: list[str] = []
    async with EmbeddedStack(tmp_path, Settings(data_dir=tmp_path), ports=PortChoice.AUTO) as stack:
        run = await FaultTest(stack, SEED, said.append, SQUALL).run(ORDERS)

    assert [str(finding) for finding in run.findings if not finding.kept] == [], said
    assert {played.order_id for played in run.played} == set(run.acknowledged)
    assert len(run.acknowledged) == ORDERS + 3
    assert len({played.script for played in run.played}) == min(ORDERS, len(Script))
    assert run.kills.total() >= 2, said
    assert sum(run.stripe_faults.values()) >= 3, run.stripe_faults
    assert run.figures["unheard_found_in_one_cycle"] == "3 of 3"
