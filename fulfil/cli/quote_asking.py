"""From files on the disk to one quote: uploaded side by side, priced together, their pictures saved."""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from fulfil.api.schemas.files import File
from fulfil.api.schemas.quotes import PendingQuote, Quote, QuoteItem
from fulfil.cli.client import ProblemError
from fulfil.cli.exits import WrongUsageError
from fulfil.cli.playing.people import Customer

DRAWINGS = ("svg", "dxf")
SOLID_PROCESS, DRAWING_PROCESS = "fdm", "laser"
USUAL_MATERIALS = {"fdm": "PLA", "resin": "RESIN", "laser": "WOOD"}
REFUSED_UPLOADS = (
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wishes:
    """How every file is to be made; what is empty takes what is usual for the file."""

    process: str = ""
    material: str = ""
    quantity: int = 1
    thickness_mm: float | None = None
    infill_percent: int | None = None
    unit: str = ""
    accept: Sequence[str] = ()
    operations: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        """Raises `WrongUsageError` for a number that no request can carry."""
        if self.thickness_mm is not None and not math.isfinite(self.thickness_mm):
            raise WrongUsageError(f"--thickness {self.thickness_mm}: give the sheet's thickness in mm.")

    def item(self, file: File) -> dict[str, object]:
        """The item of a request for this file."""
        process = self.process or (DRAWING_PROCESS if file.format in DRAWINGS else SOLID_PROCESS)
        wished: dict[str, object] = {
            "file_id": file.id,
            "process": process,
            "material": self.material or USUAL_MATERIALS.get(process.lower(), "PLA"),
            "quantity": self.quantity,
            "accept": list(self.accept),
            **({"operations": dict(self.operations)} if self.operations and file.format in DRAWINGS else {}),
        }
        choices = {"thickness_mm": self.thickness_mm, "infill_percent": self.infill_percent, "unit": self.unit or None}
        return wished | {name: value for name, value in choices.items() if value is not None}


def read_operations(choices: Sequence[str]) -> dict[str, str]:
    """`{"#ff0000": "score"}` of `#ff0000=score`; raises `WrongUsageError`."""
    operations: dict[str, str] = {}
    for choice in choices:
        key, equals, operation = choice.rpartition("=")
        if not equals or not key:
            raise WrongUsageError(f"--operation {choice}: write KEY=cut, score, engrave or ignore.")
        operations[key] = operation.lower()
    return operations


@dataclass
class Asking:
    """Asks for one quote of several files; what could not even be uploaded is left out and remembered."""

    customer: Customer
    say: Say
    refused: dict[Path, ProblemError] = field(default_factory=dict[Path, ProblemError])
    unconfirmed: dict[str, ProblemError] = field(default_factory=dict[str, ProblemError])

    async def quote(self, files: Mapping[Path, bytes], wishes: Wishes, terms: Mapping[str, str]) -> Quote:
        """The explained price; raises the refusal when there is nothing but one."""
        uploads = [self._upload(path, content) for path, content in files.items()]
        self.say(f"uploading {len(files)} file(s)")
        stored = [file for file in await asyncio.gather(*uploads) if file is not None]
        if not stored:
            raise next(iter(self.refused.values()))
        self.say("measuring and pricing")
        items = [wishes.item(file) for file in stored]
        return await self.customer.quote_items(items, tell=self._tell, **terms)

    async def confirm(self, quote: Quote) -> Quote:
        """The quote with a real slicer's word on every estimate of a solid; what it can't slice is remembered."""
        for item in quote.items:
            if item.estimate is not None and item.solid is not None:
                self.say(f"slicing {item.file.name}")
                try:
                    await self.customer.confirm_estimate(quote.id, item.position)
                except ProblemError as error:
                    if error.problem.status != HTTPStatus.UNPROCESSABLE_ENTITY:
                        raise
                    self.unconfirmed[item.file.name] = error
        return await self.customer.stored_quote(quote.id)

    async def save_previews(self, quote: Quote, target: str) -> list[Path]:
        """Save the pictures of all items; where they are."""
        saved: list[Path] = []
        for item, path in preview_paths(quote, target):
            links = {".png": item.previews and item.previews.png, ".svg": item.previews and item.previews.svg}
            for suffix, link in links.items():
                if link:
                    content = await self.customer.download(link)
                    place = path.with_suffix(suffix)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_bytes(content)
                    saved.append(place)
        return saved

    async def _upload(self, path: Path, content: bytes) -> File | None:
        try:
            return await self.customer.upload(path.name, content)
        except ProblemError as error:
            if error.problem.status not in REFUSED_UPLOADS:
                raise
            self.refused[path] = error
            return None

    def _tell(self, pending: PendingQuote) -> None:
        progress = pending.progress
        first = f"; first price {progress.first_price}" if progress.first_price else ""
        self.say(f"{progress.stage}, {progress.percent} %{first}")


def preview_paths(quote: Quote, target: str) -> list[tuple[QuoteItem, Path]]:
    """Where each item's picture goes: a file for a single one, else `NAME.preview.png` in a folder."""
    pictured = [item for item in quote.items if item.previews is not None and item.previews.png]
    folder = Path(target or ".")
    is_file = bool(target) and not folder.is_dir() and not target.endswith("/")
    if is_file and folder.suffix:
        if len(pictured) > 1:
            raise WrongUsageError(
                f"--preview {target} is one file, and there are {len(pictured)} pictures: name a folder."
            )
        return [(item, folder) for item in pictured]
    names: set[str] = set()
    places: list[tuple[QuoteItem, Path]] = []
    for item in pictured:
        stem = Path(item.file.name).stem or "file"
        name = stem if stem not in names else f"{stem}-{item.position}"
        names.add(name)
        places.append((item, folder / f"{name}.preview.png"))
    return places
