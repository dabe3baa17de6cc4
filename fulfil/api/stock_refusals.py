"""What a lot can't give, as an answer of the API."""

from collections.abc import Generator
from contextlib import contextmanager

from fulfil.api.errors import conflict
from fulfil.inventory.leases import NothingReservedError
from fulfil.inventory.lots import StockInsufficientError


@contextmanager
def stock_refusals() -> Generator[None]:
    """409 `stock_insufficient` naming what is there, 409 `nothing_reserved` where a job has no such material."""
    try:
        yield
    except StockInsufficientError as error:
        raise conflict(
            "stock_insufficient",
            f"{error.available} {error.unit} of this lot are free, {error.wanted} {error.unit} would be needed: "
            "record what came in, or correct what is there.",
            state="short",
            allowed_actions=["receive_stock", "adjust_stock"],
        ) from error
    except NothingReservedError as error:
        raise conflict(
            "nothing_reserved",
            "No material of that lot was reserved for this job, or of several: name the one with item_id.",
            state="nothing_reserved",
        ) from error
