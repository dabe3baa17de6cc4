"""The convention of colours and layers."""

import pytest

from fulfil.models.messages.geometry import Operation
from fulfil.quoting.drawings.drawing import DrawnPath
from fulfil.quoting.drawings.operations import operation_of, operation_of_layer


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("CUT", Operation.CUT),
        ("LaserCut", Operation.CUT),
        ("02_Schnittlinien", Operation.CUT),
        ("Gravur oben", Operation.ENGRAVE),
        ("score-lines", Operation.SCORE),
        ("Hilfslinien", Operation.IGNORE),
        ("cut notes", Operation.IGNORE),
        ("executive", None),
        ("Layer 1", None),
    ],
)
def test_layers_are_read_by_their_words(name: str, operation: Operation | None) -> None:
    assert operation_of_layer(name) is operation


@pytest.mark.parametrize(
    ("colour", "operation", "known"),
    [
        ("#ff0000", Operation.CUT, True),
        ("#000000", Operation.CUT, True),
        ("#ed1c24", Operation.CUT, True),
        ("#231f20", Operation.CUT, True),
        ("#0000ff", Operation.SCORE, True),
        ("#2e3192", Operation.SCORE, True),
        ("#ffffff", Operation.IGNORE, True),
        ("#00ff00", Operation.CUT, False),
        ("#ff8000", Operation.CUT, False),
        ("gradient", Operation.CUT, False),
    ],
)
def test_strokes_are_read_by_their_colour(colour: str, operation: Operation, known: bool) -> None:
    assert operation_of(DrawnPath(key=colour, colour=colour)) == (operation, known)


def test_areas_are_engraved_and_layers_beat_colours() -> None:
    assert operation_of(DrawnPath("fill:#ff0000", "#ff0000", stroked=False, filled=True)) == (Operation.ENGRAVE, True)
    assert operation_of(DrawnPath("layer:score", "#ff0000", layer="score")) == (Operation.SCORE, True)
