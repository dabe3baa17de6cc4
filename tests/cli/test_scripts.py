"""Which ways of an order and its money are played, and in which order."""

import random

from fulfil.cli.playing.scripts import OFTEN, PLOTS, Script, choose_scripts


def test_every_script_has_a_plot() -> None:
    assert set(PLOTS) == set(Script)


def test_one_seed_gives_one_choice() -> None:
    assert choose_scripts(200, random.Random(3)) == choose_scripts(200, random.Random(3))
    assert choose_scripts(200, random.Random(3)) != choose_scripts(200, random.Random(4))


def test_each_is_played_once_before_any_is_played_twice() -> None:
    assert set(choose_scripts(len(Script), random.Random(1))) == set(Script)
    few = choose_scripts(7, random.Random(1))
    assert len(few) == len(set(few)) == 7


def test_what_happens_often_is_played_often() -> None:
    chosen = choose_scripts(2_000, random.Random(1))
    assert chosen.count(Script.PAYS) > 3 * chosen.count(Script.GOODWILL)
    assert all(chosen.count(script) >= 1 for script in OFTEN)
