"""What making parts costs: versioned data, so that every quote says which prices it rests on."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

MinorByCurrency = Mapping[str, int]


@dataclass(frozen=True)
class MaterialTariff:
    """One material on one process; `throughput_cm3_h` is the solid volume a machine makes in an hour."""

    density_g_cm3: Decimal
    throughput_cm3_h: Decimal
    price_per_kg_minor: MinorByCurrency


@dataclass(frozen=True)
class ProcessTariff:
    """One way of making parts: fees in minor units, the machine's room in mm (longest side first), its calendar."""

    setup_minor: MinorByCurrency
    machine_hour_minor: MinorByCurrency
    minimum_order_minor: MinorByCurrency
    room_mm: tuple[int, int, int]
    handling_days: int
    machine_hours_per_day: int
    longest_lead_days: int
    materials: Mapping[str, MaterialTariff]


@dataclass(frozen=True)
class Tariff:
    """A price list; any change of a number takes a new version."""

    version: str
    currencies: tuple[str, ...]
    largest_quantity: int
    largest_order_minor: int
    processes: Mapping[str, ProcessTariff]


TARIFF_VERSION = "2026-1"

CURRENT_TARIFF = Tariff(
    version=TARIFF_VERSION,
    currencies=("eur", "usd", "gbp"),
    largest_quantity=1_000,
    largest_order_minor=99_999_999,  # the most a card payment can carry
    processes={
        "fdm": ProcessTariff(
            setup_minor={"eur": 7_50, "usd": 8_20, "gbp": 6_50},
            machine_hour_minor={"eur": 4_50, "usd": 4_90, "gbp": 3_90},
            minimum_order_minor={"eur": 12_00, "usd": 13_00, "gbp": 10_50},
            room_mm=(250, 210, 210),
            handling_days=2,
            machine_hours_per_day=20,
            longest_lead_days=60,
            materials={
                "PLA": MaterialTariff(
                    density_g_cm3=Decimal("1.24"),
                    throughput_cm3_h=Decimal(16),
                    price_per_kg_minor={"eur": 24_00, "usd": 26_00, "gbp": 21_00},
                ),
                "ABS": MaterialTariff(
                    density_g_cm3=Decimal("1.04"),
                    throughput_cm3_h=Decimal(15),
                    price_per_kg_minor={"eur": 28_00, "usd": 30_50, "gbp": 24_50},
                ),
                "PETG": MaterialTariff(
                    density_g_cm3=Decimal("1.27"),
                    throughput_cm3_h=Decimal(14),
                    price_per_kg_minor={"eur": 26_00, "usd": 28_50, "gbp": 22_50},
                ),
                "TPU": MaterialTariff(
                    density_g_cm3=Decimal("1.21"),
                    throughput_cm3_h=Decimal(8),
                    price_per_kg_minor={"eur": 42_00, "usd": 46_00, "gbp": 36_50},
                ),
            },
        ),
    },
)
