"""What a workflow needs to make a parked step visible."""

from abc import ABC, abstractmethod

from temporalio import activity

from fulfil.models.messages.support import NoteParking, NoteResolution


class SupportActivities(ABC):
    """Runs on task queue `orders`; database only."""

    @activity.defn
    @abstractmethod
    async def note_parking(self, request: NoteParking) -> None:
        """Write into timeline and projection that a step is parked, with cause and remedy."""

    @activity.defn
    @abstractmethod
    async def note_resolution(self, request: NoteResolution) -> None:
        """Write who moved it on, how and why."""
