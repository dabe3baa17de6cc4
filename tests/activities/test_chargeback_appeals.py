"""Appeals against a lost chargeback: won, the money is held again, released again, and may be lost again."""

from fulfil.models.messages.chargebacks import (
    ChargebackState,
)
from tests.activities.chargeback_desk import paid, settle
from tests.activities.collecting import pay_providers
from tests.activities.till import Till


async def test_an_appeal_that_is_won_takes_the_loss_back(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    before = await paid_desk.ledger()
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("lost")
    await desk.read()
    await desk.decide("appeal_needs_response")
    appealed = await desk.read()
    assert (appealed.state, appealed.submitted) == (ChargebackState.UNDER_REVIEW, True)
    assert not await desk.frozen()
    await desk.check()
    await desk.decide("won")

    assert (await desk.read()).state is ChargebackState.WON
    await desk.read()
    after = await desk.ledger()
    assert after[f"liability:held:{desk.order_id}"] == before[f"liability:held:{desk.order_id}"]
    assert f"asset:chargeback:{desk.chargeback_id}" not in after
    assert (await till.shop.events(desk.order_id)).count("chargeback.won") == 1
    await desk.check()


async def test_what_an_appeal_brought_back_after_the_release_is_the_providers_again(till: Till) -> None:
    paid_desk, job, provider = await paid(till)
    await till.shop.run_order_workflow(job.order_id)
    await settle(till, job)
    before = await paid_desk.ledger()
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("lost")
    await desk.read()
    await desk.decide("appeal_needs_response")
    await desk.read()
    await desk.decide("won")

    await desk.read()
    await desk.read()

    after = await desk.ledger()
    assert f"liability:held:{desk.order_id}" not in after
    assert after[f"liability:payable:{provider}"] == -8_500
    assert {name: after[name] for name in ("revenue:commission", "liability:tax")} == {
        name: before[name] for name in ("revenue:commission", "liability:tax")
    }
    await desk.admin("topups", amount=100_000, currency="eur")
    assert [await pay_providers(till) for _ in range(2)] == [1, 0]
    after = await desk.ledger()
    assert f"liability:payable:{provider}" not in after
    statements = await till.shop.sql("SELECT total_minor FROM documents WHERE series = 'SBN' ORDER BY sequence")
    assert [row.total_minor for row in statements] == [8_500, -8_500, 8_500]
    told = "SELECT snapshot->'lines'->0->>'description' FROM documents WHERE series = 'SBN' AND sequence = 2"
    assert await till.shop.value(told) == "Charged back by the customer's bank"
    await desk.check()


async def test_work_that_was_settled_while_its_money_was_lost_is_paid_when_an_appeal_is_won(till: Till) -> None:
    paid_desk, job, provider = await paid(till)
    await till.shop.run_order_workflow(job.order_id)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("lost")
    await desk.read()
    assert (await settle(till, job)).released_minor == 0
    await desk.decide("appeal_needs_response")
    await desk.read()
    await desk.decide("won")

    await desk.read()

    after = await desk.ledger()
    assert f"liability:held:{desk.order_id}" not in after
    assert after[f"liability:payable:{provider}"] == -8_500
    statement = await till.shop.value("SELECT total_minor FROM documents WHERE series = 'SBN'")
    assert statement == 8_500
    await desk.admin("topups", amount=100_000, currency="eur")
    assert await pay_providers(till) == 1
    assert f"liability:payable:{provider}" not in await desk.ledger()
    await desk.check()


async def test_a_loss_after_a_won_appeal_is_booked_like_the_first(till: Till) -> None:
    paid_desk, job, _ = await paid(till)
    await till.shop.run_order_workflow(job.order_id)
    await settle(till, job)
    desk = await paid_desk.dispute()
    for decision in ("lost", "appeal_needs_response", "won"):
        await desk.read()
        await desk.decide(decision)
    await desk.read()
    await desk.admin("topups", amount=100_000, currency="eur")
    assert await pay_providers(till) == 1
    till.shop.clock.advance(days=1)
    await desk.decide("lost")

    status = await desk.read()
    await desk.read()

    assert status.state is ChargebackState.LOST
    fee = await desk.column("fee_minor")
    assert await desk.ledger() == {"asset:stripe": -fee, "expense:chargeback_fee": fee}
    assert not await desk.frozen()
    assert (await till.shop.events(desk.order_id)).count("chargeback.lost") == 2
    reversed_minor = await till.shop.value("SELECT sum(reversed_minor)::bigint FROM transfers")
    assert reversed_minor == 2 * 8_500
    await desk.check()
