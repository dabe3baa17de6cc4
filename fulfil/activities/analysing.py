"""Files to analyses: measured in a child process once per content, analyser and options, remembered and stored."""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryFile
from typing import BinaryIO

import structlog
from sqlalchemy.dialects.postgresql import insert

from fulfil.gateways.storage import ObjectMissingError, ObjectStorage
from fulfil.kit.database import Database
from fulfil.kit.isolation import Isolation, IsolationError, IsolationReason
from fulfil.models.messages.quotes import AnalysisProgress, ReadingOptions, Refusal
from fulfil.models.tables.quotes import FileAnalysisRow
from fulfil.quoting.analysis import ANALYSER_VERSION, Analysis, Glance, analyse_file, analysis_id, read_step
from fulfil.quoting.artefacts import Artefact
from fulfil.quoting.refusals import RefusalCode

REMEMBERED_FILES = 200
AT_ONCE = 2

# In JSON; a backslash before it would make it a name that spells it out.
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")

log = structlog.stdlib.get_logger(__name__)

Tell = Callable[[AnalysisProgress | Glance], None]

# What a file did to the process that read it, in words for its owner.
DEATHS = {
    IsolationReason.MEMORY: (RefusalCode.FILE_NEEDS_TOO_MUCH_MEMORY, "Reading the file takes too much memory"),
    IsolationReason.CPU_TIME: (RefusalCode.FILE_TAKES_TOO_LONG, "Reading the file takes too long"),
    IsolationReason.WALL_TIME: (RefusalCode.FILE_TAKES_TOO_LONG, "Reading the file takes too long"),
    IsolationReason.CRASHED: (RefusalCode.FILE_CRASHES_READER, "The file is so damaged that its reader crashed"),
    IsolationReason.ANSWER_TOO_LARGE: (RefusalCode.FILE_TOO_COMPLEX, "The file is too detailed"),
}
REMEDY = "Repair it or export it with a coarser tolerance, and upload the new file."


@dataclass(frozen=True)
class StoredAnalysis:
    """An analysis, the hashes of its artefacts by kind, and how long it took; `id` is None when it is not stored."""

    id: str | None
    analysis: Analysis
    artefacts: dict[str, str]
    calculation_time_ms: int


@dataclass(frozen=True)
class _Run:
    task: asyncio.Task[StoredAnalysis]
    listeners: list[Tell]


class AnalysisDesk:
    """Every file is measured once, however many ask for it at the same time; a few files side by side."""

    def __init__(
        self, *, database: Database, storage: ObjectStorage, isolation: Isolation, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._storage = storage
        self._isolation = isolation
        self._clock = clock
        self._remembered: OrderedDict[str, StoredAnalysis] = OrderedDict()
        self._runs: dict[str, _Run] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def ensure(self, sha256: str, options: ReadingOptions, tell: Tell) -> StoredAnalysis:
        """The analysis of a stored content, from memory, from the database, or made now.

        A refused file is an analysis too. Raises what is not the file's fault: `IsolationError`,
        `StorageUnavailableError`, errors of the database.
        """
        key = analysis_id(sha256, options)
        known = self._remembered.get(key) or await self._find(key)
        if known is not None:
            return self._remember(key, known)
        run = self._runs.get(key)
        if run is None:
            run = self._start(key, sha256, options)
        run.listeners.append(tell)
        try:
            return await asyncio.shield(run.task)
        finally:
            run.listeners.remove(tell)
            if not run.listeners:
                self._end(key, run)

    async def measure_afresh(self, sha256: str, options: ReadingOptions) -> StoredAnalysis:
        """Measure again, past memory and database, and store nothing."""
        began = time.perf_counter()
        async with self._turns:
            analysis, artefacts = await self._read(sha256, options, lambda _: None)
        hashes = {artefact.kind.value: await self._storage.put(artefact.content) for artefact in artefacts}
        return StoredAnalysis(None, analysis, hashes, round((time.perf_counter() - began) * 1000))

    def _start(self, key: str, sha256: str, options: ReadingOptions) -> _Run:
        listeners = list[Tell]()

        def tell(step: AnalysisProgress | Glance) -> None:
            for listener in tuple(listeners):
                listener(step)

        run = _Run(asyncio.create_task(self._analyse(key, sha256, options, tell)), listeners)
        run.task.add_done_callback(lambda _: self._end(key, run))
        self._runs[key] = run
        return run

    def _end(self, key: str, run: _Run) -> None:
        """Whoever comes next must not join a run that is being cancelled."""
        if self._runs.get(key) is run:
            del self._runs[key]
        run.task.cancel()

    async def _analyse(self, key: str, sha256: str, options: ReadingOptions, tell: Tell) -> StoredAnalysis:
        tell(AnalysisProgress(stage="waiting", percent=0))
        async with self._turns:
            began = time.perf_counter()
            try:
                analysis, artefacts = await self._read(sha256, options, tell)
            except ObjectMissingError:
                return _refused(RefusalCode.FILE_MISSING, "The file's content is no longer stored. Upload it again.")
            except IsolationError as death:
                return _dead(death, sha256)
            took_ms = round((time.perf_counter() - began) * 1000)
        hashes = {artefact.kind.value: await self._storage.put(artefact.content) for artefact in artefacts}
        stored = StoredAnalysis(key, analysis, hashes, took_ms)
        await self._store(stored, sha256, options)
        return self._remember(key, stored)

    async def _read(self, sha256: str, options: ReadingOptions, tell: Tell) -> tuple[Analysis, list[Artefact]]:
        artefacts = list[Artefact]()
        async with self.opened(sha256) as file:
            argument = options.model_dump_json().encode()
            async with aclosing(self._isolation.frames(analyse_file, file, argument)) as frames:
                async for frame in frames:
                    step = read_step(frame)
                    if isinstance(step, Analysis):
                        return _storable(step), artefacts
                    if isinstance(step, Artefact):
                        artefacts.append(step)
                    else:
                        tell(step)
        raise ValueError("an analysis ended without saying anything")

    @asynccontextmanager
    async def opened(self, sha256: str) -> AsyncGenerator[BinaryIO]:
        """The content in a file without a name."""
        chunks = await self._storage.stream(sha256)
        with TemporaryFile() as file:
            async for chunk in chunks:
                file.write(chunk)
            file.flush()
            yield file

    async def _find(self, key: str) -> StoredAnalysis | None:
        async with self._database.begin() as session:
            row = await session.get(FileAnalysisRow, key)
            if row is None:
                return None
            analysis = Analysis.model_validate(row.analysis, strict=False)
            return StoredAnalysis(row.id, analysis, dict(row.artefacts), row.calculation_time_ms)

    async def _store(self, stored: StoredAnalysis, sha256: str, options: ReadingOptions) -> None:
        values = {
            "id": stored.id,
            "file_sha256": sha256,
            "analyser_version": ANALYSER_VERSION,
            "options": options.model_dump(mode="json"),
            "analysis": stored.analysis.model_dump(mode="json"),
            "artefacts": stored.artefacts,
            "calculation_time_ms": stored.calculation_time_ms,
            "created_at": self._clock(),
        }
        async with self._database.begin() as session:
            await session.execute(insert(FileAnalysisRow).values(values).on_conflict_do_nothing())

    def _remember(self, key: str, stored: StoredAnalysis) -> StoredAnalysis:
        self._remembered[key] = stored
        self._remembered.move_to_end(key)
        if len(self._remembered) > REMEMBERED_FILES:
            self._remembered.popitem(last=False)
        return stored


def _dead(death: IsolationError, sha256: str) -> StoredAnalysis:
    """What a death means for its file; raises the death when the file is not to blame."""
    if death.reason is IsolationReason.RAISED:  # a bug of ours, with a traceback that is nobody's business
        log.error("a reader raised", file_sha256=sha256, traceback=death.detail)
        return _refused(RefusalCode.FILE_CRASHES_READER, f"Our reader can't cope with the file. {REMEDY}")
    if death.reason not in DEATHS:
        raise death
    code, what = DEATHS[death.reason]
    return _refused(code, f"{what} ({death.detail}). {REMEDY}")


def _storable(analysis: Analysis) -> Analysis:
    """Refused when a name holds NUL, which PostgreSQL can't."""
    if NUL.search(analysis.model_dump_json()) is None:
        return analysis
    detail = "A name in the file (a layer's, for instance) holds a NUL character. Rename it and export the file again."
    refusal = Refusal(code=RefusalCode.FILE_UNREADABLE.value, detail=detail, param="file_id")
    return Analysis(format=analysis.format, refusal=refusal)


def _refused(code: RefusalCode, detail: str) -> StoredAnalysis:
    """Not stored: another machine, a quieter hour or the next analyser may manage."""
    return StoredAnalysis(None, Analysis(refusal=Refusal(code=code.value, detail=detail, param="file_id")), {}, 0)
