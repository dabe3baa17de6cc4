"""The simulated month in small: `fulfil simulate month` is the large one."""

from pathlib import Path

import pytest

from fulfil.cli.benches.month.run import play_month_on

SEED = 3
ORDERS, PROVIDERS = 6, 8


@pytest.mark.timeout(300)
async def test_a_month_ends_with_nothing_open_and_every_cent_and_gram_in_its_place(
    database_url: str, tmp_path: Path
) -> None:
    said: list[str] = []
    run = await play_month_on(database_url, tmp_path, said.append, orders=ORDERS, makers=PROVIDERS, seed=SEED)

    assert [str(finding) for finding in run.findings if not finding.kept] == [], said
    assert run.endings.counts.total() == ORDERS
    assert run.endings.completed == run.endings.wanted, run.endings.counts
    assert run.kept
