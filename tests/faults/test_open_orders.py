"""Few orders that wait, and a worker that is replaced: `fulfil bench open-orders` is the large one."""

import pytest

from fulfil.cli.benches.open_orders.measuring import Size, measure_open_orders

FEW = Size(orders=20, seconds=30, timers=8, updates=6, slack_s=7)


@pytest.mark.timeout(120)
async def test_a_fresh_worker_answers_for_orders_it_never_saw_and_does_what_their_timers_want() -> None:
    said: list[str] = []
    figures = {figure.what: figure for figure in await measure_open_orders(said.append, FEW)}

    assert figures["timers that fire at once after it, done"].value == "8", said
    assert figures["fresh worker ready (first poll)"].reached
    assert float(figures["history events per open order (order + job)"].value) < 60
    assert any("p95" in figure.value for what, figure in figures.items() if what.startswith("update on a cold order"))
