"""Snapshots refuse what no document may say."""

from datetime import datetime

import pytest
from pydantic import ValidationError

from fulfil.documents.taxes import tax_lines
from fulfil.models.messages.documents import DocumentKind, DocumentSnapshot
from tests.documents.snapshots import credit_note, document, goods, invoice


def test_lines_that_do_not_add_up_to_the_total_are_refused() -> None:
    with pytest.raises(ValidationError, match="lines don't add up to the total"):
        document(total_minor=1)


def test_tax_lines_that_leave_a_rate_out_are_refused() -> None:
    with pytest.raises(ValidationError, match="tax lines don't hold"):
        document(taxes=tuple(tax_lines(goods())[:1]))


def test_a_tax_line_told_twice_is_refused() -> None:
    with pytest.raises(ValidationError, match="tax lines don't hold"):
        document(taxes=(*tax_lines(goods()), tax_lines(goods())[0]))


def test_a_credit_note_names_the_invoice_it_corrects() -> None:
    with pytest.raises(ValidationError, match="refers to the invoice it corrects"):
        document(DocumentKind.CREDIT_NOTE)


def test_an_invoice_corrects_nothing() -> None:
    with pytest.raises(ValidationError, match="refers to the invoice it corrects"):
        document(refers_to="INV-2026-000001")


def test_a_time_without_its_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        document(issued_at=datetime(2026, 11, 21))  # noqa: DTZ001 - that is the point


def test_a_snapshot_survives_its_way_through_the_database() -> None:
    assert DocumentSnapshot.model_validate_json(credit_note().model_dump_json()) == credit_note()


def test_no_log_line_shows_who_bought_what() -> None:
    told = repr(invoice())

    for personal in ("Παπαδοπούλου", "Świętokrzyska", "eleni@", "4242", "bracket", "DE318276451"):
        assert personal not in told
    assert "INV-2026-000123" in told
