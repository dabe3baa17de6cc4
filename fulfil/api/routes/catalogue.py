"""What can be asked for: processes, materials, machines, lead times."""

from fastapi import APIRouter, Response

from fulfil.api.documentation import API, QUOTES
from fulfil.api.schemas.catalogue import Catalogue, catalogue_of
from fulfil.quoting.prices.tariffs import load_tariff

router = APIRouter(prefix=API, tags=[QUOTES])

FRESH_S = 300


@router.get("/catalogue")
async def get_catalogue(response: Response) -> Catalogue:
    """What today's price list offers; its rates are in the quotes' lines."""
    response.headers["Cache-Control"] = f"public, max-age={FRESH_S}"
    return catalogue_of(load_tariff())
