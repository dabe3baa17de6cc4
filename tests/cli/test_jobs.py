"""What a provider reads about a job."""

from fulfil.api.schemas.jobs import WorkFile
from fulfil.cli.jobs import as_understood
from fulfil.models.messages.findings import FindingCode
from fulfil.models.messages.geometry import LengthUnit, Operation


def test_a_file_is_shown_as_it_was_understood() -> None:
    solid = WorkFile(
        file_id="fil_1",
        name="bracket.stl",
        quantity=2,
        unit=LengthUnit.INCH,
        size_mm=[254.0, 25.4, 50.8],
        infill_percent=80,
        accepted_risks=[FindingCode.THIN_WALL],
    )
    assert as_understood(solid) == ("2 x bracket.stl: 254 x 25.4 x 50.8 mm (in inch), 80 % infill, thin_wall accepted")
    drawing = WorkFile(
        file_id="fil_2",
        name="plate.svg",
        quantity=1,
        unit=LengthUnit.MM,
        size_mm=[110.0, 70.0],
        thickness_mm=3.0,
        operations={"#ff0000": Operation.SCORE},
    )
    assert as_understood(drawing) == "1 x plate.svg: 110 x 70 mm (in mm), 3 mm thick, #ff0000 score"


def test_a_file_nothing_is_known_of_is_just_named() -> None:
    assert as_understood(WorkFile(file_id="fil_1", name="old.stl", quantity=1)) == "1 x old.stl"
