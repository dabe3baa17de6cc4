"""A fake of the support port: remembers the notes."""

from dataclasses import dataclass

from temporalio import activity

from fulfil.models.messages.support import NoteParking, NoteResolution
from fulfil.workflows.ports.support import SupportActivities
from tests.workflows.fakes import World


@dataclass
class FakeSupport(SupportActivities):
    """Remembers the notes."""

    world: World

    @activity.defn
    async def note_parking(self, request: NoteParking) -> None:
        self.world.parkings.append(request)
        await self.world.tell()

    @activity.defn
    async def note_resolution(self, request: NoteResolution) -> None:
        self.world.resolutions.append(request)
