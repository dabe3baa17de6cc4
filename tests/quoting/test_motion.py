"""Motion as bytes and back."""

import numpy as np
import pytest

from fulfil.models.messages.geometry import Operation, RasterImage
from fulfil.quoting.motion import Motion, Stroke, decode_motion, encode_motion

MOTION = Motion(
    strokes=(
        Stroke(Operation.SCORE, np.array([[0.0, 0.0], [10.5, 0.0]])),
        Stroke(Operation.CUT, np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])),
    ),
    fills=(np.array([[0.0, 0.0], [5.0, 0.0], [5.0, 5.0]]),),
    images=(RasterImage(x_mm=0.1, y_mm=2, width_mm=3, height_mm=4),),
)


def test_what_is_encoded_is_decoded() -> None:
    found = decode_motion(encode_motion(MOTION))
    assert [stroke.operation for stroke in found.strokes] == [Operation.SCORE, Operation.CUT]
    for one, other in zip((*MOTION.strokes,), found.strokes, strict=True):
        np.testing.assert_array_equal(one.points, other.points)
    np.testing.assert_array_equal(found.fills[0], MOTION.fills[0])
    assert found.images == MOTION.images
    assert encode_motion(found) == encode_motion(MOTION)


def test_nothing_is_a_motion_too() -> None:
    assert decode_motion(encode_motion(Motion((), (), ()))) == Motion((), (), ())


@pytest.mark.parametrize("content", [b"", b"FMOT", encode_motion(MOTION)[:-1], encode_motion(MOTION) + b"x", b"x" * 99])
def test_damaged_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="motion"):
        decode_motion(content)
