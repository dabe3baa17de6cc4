"""What requests set going: it ends by itself, is cut off when the process ends, and never breaks anybody."""

import asyncio

import pytest

from fulfil.api import background
from fulfil.api.background import Background
from fulfil.api.errors import unavailable


async def test_what_fails_is_logged_and_breaks_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    async def fail(error: Exception) -> None:
        raise error

    kept = Background()
    kept.start(fail(unavailable("temporal_unavailable", "It is away.")), what="an analysis")
    kept.start(fail(ZeroDivisionError("a bug")), what="another")
    await kept.close()
    logged = capsys.readouterr()
    assert "temporal_unavailable" in logged.out + logged.err
    assert "ZeroDivisionError" in logged.out + logged.err


async def test_the_end_waits_for_what_is_short_and_cuts_off_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "ENDS_WITHIN_S", 0.2)
    ended: list[str] = []

    async def work(seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
            ended.append("done")
        except asyncio.CancelledError:
            ended.append("cut off")
            raise

    kept = Background()
    kept.start(work(0.01), what="short")
    kept.start(work(60), what="long")
    await kept.close()
    await kept.close()
    assert ended == ["done", "cut off"]
