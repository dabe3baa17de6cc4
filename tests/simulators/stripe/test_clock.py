"""The simulator's clock can be moved on, goes on by itself, and survives kill -9."""

from pathlib import Path

from tests.simulators.processes import SimulatorProcess, until
from tests.simulators.stripe.till import DAY_S, Till
from tests.simulators.stripe_http import StripeHttp


async def test_moving_the_clock_stamps_what_follows(till: Till) -> None:
    before = (await till.admin("GET", "/clock"))["now"]
    after = await till.admin("POST", "/clock", {"advance_s": DAY_S})
    assert (after["now"], after["ahead_s"]) == (before + DAY_S, DAY_S)
    assert (await till.payment())["created"] == int(before) + DAY_S


async def test_the_clock_is_never_set_back(till: Till) -> None:
    answer = await till.client.post("/_simulator/clock", json={"advance_s": -1})
    assert answer.status_code == 422


async def test_what_is_due_happens_in_its_order_and_at_its_time(till: Till) -> None:
    start = int((await till.admin("GET", "/clock"))["now"])
    await till.payment("pm_card_visa")
    await till.paid(10_000, "pm_card_visa")
    await till.later(10 * DAY_S)
    events = (await till.read("/v1/events", limit=3))["data"]
    told = [(event["type"], event["created"] - start) for event in reversed(events)]
    assert told == [
        ("balance.available", 2 * DAY_S),
        ("charge.expired", 7 * DAY_S),
        ("payment_intent.canceled", 7 * DAY_S),
    ]


async def test_without_being_moved_things_happen_by_themselves_and_survive_kill_9(tmp_path: Path) -> None:
    process = SimulatorProcess(tmp_path / "stripe.db")
    process.start("--availability-delay-s", "1")
    stripe = StripeHttp(process.url)
    try:
        await stripe.captured()
        await stripe.admin("POST", "/clock", {"advance_s": 0.1})
        process.kill()
        process.start()
        assert (await stripe.admin("GET", "/clock"))["ahead_s"] == 0.1

        async def is_available() -> bool:
            balance = await stripe.read("/v1/balance")
            return bool(balance["available"][0]["amount"] == 4900)

        await until(is_available)
        assert (await stripe.read("/v1/events", limit=1))["data"][0]["type"] == "balance.available"
    finally:
        await stripe.client.aclose()
        process.stop()


async def test_admin_paths_can_ask_for_a_token_and_stripes_paths_never_do(tmp_path: Path) -> None:
    process = SimulatorProcess(tmp_path / "stripe.db")
    process.start("--admin-token", "let-me-in")
    stripe = StripeHttp(process.url)
    try:
        client = stripe.client
        for path in ("/dump", "/clock", "/balances", "/faults", "/webhook", "/settings"):
            refused = await client.get(f"/_simulator{path}")
            assert refused.status_code == 401, path
            allowed = await client.get(f"/_simulator{path}", headers={"X-Simulator-Token": "let-me-in"})
            assert allowed.status_code == 200, path
        wrong = await client.post("/_simulator/clock", json={"advance_s": 1}, headers={"X-Simulator-Token": "let"})
        assert wrong.status_code == 401
        assert (await client.get("/_simulator/health")).status_code == 200
        assert (await stripe.captured())["status"] == "succeeded"
    finally:
        await stripe.client.aclose()
        process.stop()
