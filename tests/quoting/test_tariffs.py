"""The tariff's numbers are complete, and change only together with its version."""

import hashlib

from fulfil.quoting.tariffs import CURRENT_TARIFF, TARIFF_VERSION

FINGERPRINTS = {"2026-1": "fb0daa7964af832f"}


def test_a_changed_number_takes_a_new_version() -> None:
    fingerprint = hashlib.sha256(repr(CURRENT_TARIFF).encode()).hexdigest()[:16]
    assert FINGERPRINTS[TARIFF_VERSION] == fingerprint, "add the new version; never edit an old one"


def test_every_currency_has_every_price() -> None:
    expected = set(CURRENT_TARIFF.currencies)
    for process in CURRENT_TARIFF.processes.values():
        tables = [process.setup_minor, process.machine_hour_minor, process.minimum_order_minor]
        tables += [material.price_per_kg_minor for material in process.materials.values()]
        for table in tables:
            assert set(table) == expected
            assert all(type(price) is int and price > 0 for price in table.values())


def test_names_are_written_as_requests_are_read() -> None:
    for name, process in CURRENT_TARIFF.processes.items():
        assert name == name.strip().lower()
        assert all(material == material.strip().upper() for material in process.materials)
        assert list(process.room_mm) == sorted(process.room_mm, reverse=True)
