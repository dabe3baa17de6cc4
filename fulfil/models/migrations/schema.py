"""The tables as the code declares them: every module of `models.tables`, found so that none is forgotten."""

import importlib
import pkgutil

from sqlalchemy import MetaData

from fulfil.models import tables
from fulfil.models.tables.base import Base


def declared_tables() -> MetaData:
    """Metadata of every table module."""
    for module in pkgutil.iter_modules(tables.__path__, f"{tables.__name__}."):
        importlib.import_module(module.name)
    return Base.metadata
