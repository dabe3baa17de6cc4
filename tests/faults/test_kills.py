"""The kill test in small: `fulfil simulate faults` is the large one."""

from pathlib import Path

import pytest

from fulfil.cli.benches.fault_run import FaultTest
from fulfil.deploy.embedded import EmbeddedStack
from fulfil.deploy.ports import PortChoice
from fulfil.kit.settings import Settings

SEED = 4
ORDERS, STORM_S = 6, 12


@pytest.mark.timeout(240)
async def test_orders_survive_killed_processes_and_lost_answers(tmp_path: Path) -> None:
    said: list[str] = []
    async with EmbeddedStack(tmp_path, Settings(data_dir=tmp_path), ports=PortChoice.AUTO) as stack:
        run = await FaultTest(stack, SEED, said.append).run(orders=ORDERS, seconds=STORM_S)
    assert len(run.kills) >= 3, said
    assert sum(run.stripe_faults.values()) >= 3, run.stripe_faults
    assert len(run.acknowledged) >= ORDERS
    assert [str(finding) for finding in run.findings if not finding.kept] == []
    assert {played.order_id for played in run.played} == set(run.acknowledged)
