"""Interventions of support that must happen once."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from fulfil.models.tables.base import Base, Id


class WorkflowResetRow(Base):
    """A reset of one workflow run; the key keeps a second click from resetting twice. Owned by the API."""

    __tablename__ = "workflow_resets"

    workflow_id: Mapped[str] = mapped_column(String(120), primary_key=True)
    from_run_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    order_id: Mapped[Id]
    step: Mapped[str] = mapped_column(String(80))
    actor_id: Mapped[Id]
    reason: Mapped[str] = mapped_column(String(500))
    requested_at: Mapped[datetime]
    to_run_id: Mapped[str | None] = mapped_column(String(64))
