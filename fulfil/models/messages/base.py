"""The base of every message: a frozen pydantic model that refuses unknown fields."""

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """Something said between workflow, activity and API; carries ids and amounts, never personal data."""

    model_config = ConfigDict(frozen=True, extra="forbid")
