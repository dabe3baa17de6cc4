"""Foreign text made safe to print."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulfil.documents.texts import MAX_MARKS, printable, printable_lines

PERSIAN = "می\u200cخواهم"  # noqa: RUF001 - "I want", with the joiner that keeps its halves apart


@pytest.mark.parametrize(
    "text",
    [
        "Żółta Łódź",
        "Ελένη Παπαδοπούλου",
        "Щёлково, Київ",
        "Nguyễn Thị Ánh",
        "שלום עולם",
        "قطعة معدنية",
        "12 \u00d7 3 mm², Ø 4 µm, 5 €",
    ],
)
def test_every_european_script_and_hebrew_and_arabic_stay_as_they_are(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b\x07c\x1b[31md", "abc[31md"),
        ("one\ntwo\r\nthree\tfour\u2028five", "one two three four five"),
        ("\u202e00.9999 \u2066EUR\u2069\u202c", "00.9999 EUR"),
        ("zero\u200bwidth\ufeff\u00ad", "zerowidth"),
        ("日本 🙂", "□□ □"),
        ("private \ue000 unpaired \ud800", "private □ unpaired □"),
        ("cafe\u0301", "café"),
        ("\u0301alone", "alone"),
        ("a\u200db", "ab"),
        ("  wide \u00a0 apart  ", "wide apart"),
        ("", ""),
    ],
)
def test_what_misleads_goes_and_what_cannot_be_drawn_shows(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_persian_keeps_its_joiners() -> None:
    assert printable(PERSIAN) == PERSIAN


def test_marks_do_not_pile_up() -> None:
    assert len(printable("Q" + "\u0301" * 80)) == 1 + MAX_MARKS


@given(st.text(st.characters(exclude_categories=())))
def test_printable_text_has_one_line_and_nothing_invisible(text: str) -> None:
    shown = printable(text)

    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert printable(shown) == shown


def test_a_text_of_several_lines_keeps_them_without_the_empty_ones() -> None:
    assert printable_lines("one\n\n  \r\ntwo\x0bthree") == ["one", "two", "three"]
