"""What a storeroom should hold, as a child would count it: things on shelves, and slips of paper that promise them."""

from dataclasses import dataclass, field
from datetime import datetime

from fulfil.inventory.needs import Need
from fulfil.models.messages.inventory import StockUnit


@dataclass
class Shelf:
    """One lot: everything that lies there, promised or not."""

    unit: StockUnit
    colour: str
    lying: int = 0


@dataclass
class Slip:
    """A promise of one shelf to one offer: `promised` while it is open; what expired is remembered in `lapsed`."""

    promised: int
    until: datetime
    written_at: datetime
    lapsed: int = 0
    used: int | None = None


@dataclass
class Shelves:
    """All shelves of a provider by lot id, and the slips by offer, the oldest first."""

    shelves: dict[str, Shelf] = field(default_factory=dict[str, Shelf])
    slips: dict[str, dict[str, Slip]] = field(default_factory=dict[str, dict[str, Slip]])

    def promised(self, item_id: str) -> int:
        """What belongs to jobs."""
        return sum(slips[item_id].promised for slips in self.slips.values() if item_id in slips)

    def free(self, item_id: str) -> int:
        """What is nobody's."""
        return self.shelves[item_id].lying - self.promised(item_id)

    def lapse(self, item_id: str, at: datetime) -> None:
        """Tear up the slips of a shelf whose time is over."""
        for slips in self.slips.values():
            slip = slips.get(item_id)
            if slip and slip.promised and slip.until <= at:
                slip.promised, slip.lapsed = 0, slip.promised

    def lapse_all(self, at: datetime) -> None:
        """Tear up all of them."""
        for item_id in self.shelves:
            self.lapse(item_id, at)

    def suited(self, need: Need) -> str | None:
        """The shelf that would be left with the least, for what is needed; any of several alike."""
        left = [
            (self.free(item_id) / need.quantities[shelf.unit], item_id)
            for item_id, shelf in self.shelves.items()
            if shelf.unit in need.quantities
            and self.free(item_id) >= need.quantities[shelf.unit]
            and need.colour in (None, shelf.colour)
        ]
        return min(left)[1] if left else None

    def promise(self, offer_id: str, item_id: str, quantity: int, until: datetime, at: datetime) -> None:
        """Write a slip, or more on the one that is there."""
        slip = self.slips.setdefault(offer_id, {}).setdefault(item_id, Slip(0, until, at))
        slip.until = max(slip.until, until) if slip.promised else until
        slip.promised += quantity
        slip.lapsed = 0

    def renew(self, offer_id: str, until: datetime, at: datetime) -> None:
        """Make the slips last longer; write those anew that were torn up, where the shelf still has as much."""
        for item_id, slip in self.slips.get(offer_id, {}).items():
            if slip.promised:
                slip.until = max(slip.until, until)
            elif slip.lapsed:
                self.lapse(item_id, at)
                if self.free(item_id) >= slip.lapsed:
                    self.promise(offer_id, item_id, slip.lapsed, until, at)

    def use_up(self, offer_id: str, item_id: str, at: datetime) -> None:
        """Take what the slip says, or of one that was torn up what is still nobody's."""
        slip = self.slips[offer_id][item_id]
        if slip.promised:
            taken = slip.promised
        elif slip.lapsed:
            self.lapse(item_id, at)
            taken = min(slip.lapsed, self.free(item_id))
        else:
            return
        self.shelves[item_id].lying -= taken
        slip.promised = slip.lapsed = 0
        slip.used = (slip.used or 0) + taken
