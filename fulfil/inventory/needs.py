"""What a line needs of stock, counted as the stock is counted."""

from collections.abc import Mapping
from dataclasses import dataclass

from fulfil.models.messages.inventory import StockUnit
from fulfil.models.tables.inventory import StockItemRow
from fulfil.models.tables.orders import OrderLineRow


@dataclass(frozen=True)
class Need:
    """A material in one colour (None: any), and how much of it in each unit it can be counted in."""

    material: str
    colour: str | None
    quantities: Mapping[StockUnit, int]

    def fits(self, item: StockItemRow) -> bool:
        """Whether this lot alone has enough of what is needed."""
        wanted = self.quantity_of(item)
        is_colour = self.colour is None or self.colour.lower() == item.colour
        return wanted is not None and is_colour and item.material == self.material and item.available_quantity >= wanted

    def quantity_of(self, item: StockItemRow) -> int | None:
        """How much of this lot is needed, in its unit; None when the need can't be counted so."""
        return self.quantities.get(StockUnit(item.unit))


def need_of(line: OrderLineRow) -> Need:
    """What making the line takes: its mass, the sheets it is cut from, a piece for each copy."""
    counted = {
        StockUnit.GRAM: line.material_g,
        StockUnit.SHEET: line.material_sheets or 0,
        StockUnit.PIECE: line.quantity,
    }
    quantities = {unit: quantity for unit, quantity in counted.items() if quantity > 0}
    return Need(line.material, line.colour, quantities)
