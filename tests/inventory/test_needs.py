"""What a line takes of stock, in each unit it can be counted in."""

import pytest

from fulfil.activities.reserving import said_need
from fulfil.inventory.needs import need_of
from fulfil.models.messages.inventory import StockUnit
from fulfil.models.tables.orders import OrderLineRow


def a_line(
    *, weighed: int = 120, sheets: int | None = None, quantity: int = 3, colour: str | None = None
) -> OrderLineRow:
    """A line of so many parts."""
    return OrderLineRow(material="PLA", material_g=weighed, material_sheets=sheets, quantity=quantity, colour=colour)


@pytest.mark.parametrize(
    ("line", "counted", "said"),
    [
        (a_line(), {StockUnit.GRAM: 120, StockUnit.PIECE: 3}, "120 g or 3 pieces of PLA"),
        (
            a_line(sheets=1, quantity=1, colour="Black"),
            {StockUnit.GRAM: 120, StockUnit.SHEET: 1, StockUnit.PIECE: 1},
            "120 g or 1 sheet or 1 piece of PLA in Black",
        ),
        (a_line(weighed=0, sheets=2), {StockUnit.SHEET: 2, StockUnit.PIECE: 3}, "2 sheets or 3 pieces of PLA"),
    ],
)
def test_a_line_is_counted_in_what_it_has(line: OrderLineRow, counted: dict[StockUnit, int], said: str) -> None:
    need = need_of(line)
    assert (need.material, need.colour, need.quantities, said_need(line)) == ("PLA", line.colour, counted, said)
