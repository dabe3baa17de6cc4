"""Files with what was measured in them; an analysis that never began is begun by whoever asks for it."""

from fulfil.api.context import ApiContext
from fulfil.api.errors import ProblemError
from fulfil.api.quote_work import WAITING, Look, WorkState
from fulfil.api.readers.analyses import find_analysis
from fulfil.api.schemas.files import AnalysisStatus, File, FileAnalysis
from fulfil.models.messages.quotes import AnalyseFile, ReadingOptions
from fulfil.quoting.analysis import analysis_id
from fulfil.quoting.formats import QUOTABLE_FORMATS

BY_DEFAULT = ReadingOptions()
STATUS = {
    WorkState.UNKNOWN: AnalysisStatus.WAITING,
    WorkState.WAITING: AnalysisStatus.WAITING,
    WorkState.RUNNING: AnalysisStatus.RUNNING,
    WorkState.DONE: AnalysisStatus.DONE,
    WorkState.FAILED: AnalysisStatus.FAILED,
}


def default_analysis_id(file: File) -> str:
    """Of the analysis of a file that is read as it says itself."""
    return analysis_id(file.sha256, BY_DEFAULT)


async def begin_analysis(context: ApiContext, file: File) -> File:
    """The file with its analysis, which is begun without waiting unless the same content was measured before."""
    if file.format not in QUOTABLE_FORMATS:
        return file
    found = await _find(context, file)
    if found is None:
        context.background.start(_start(context, file), what=f"analysis of {file.id}")
        found = FileAnalysis(status=AnalysisStatus.WAITING, progress=WAITING)
    return file.model_copy(update={"analysis": found})


async def follow_analysis(context: ApiContext, file: File, wait_s: float) -> File:
    """The file with its analysis, at its end or after `wait_s`; without Temporal it is waiting."""
    if file.format not in QUOTABLE_FORMATS:
        return file
    found = await _find(context, file)
    if found is None:
        look = await _look(context, file, wait_s)
        found = await _find(context, file) or await _unstored(context, file, look)
    return file.model_copy(update={"analysis": found})


async def _find(context: ApiContext, file: File) -> FileAnalysis | None:
    async with context.begin() as session:
        return await find_analysis(session, default_analysis_id(file), file_id=file.id)


async def _look(context: ApiContext, file: File, wait_s: float) -> Look:
    work, identity = context.quote_work, default_analysis_id(file)
    try:
        look = await work.look_at_analysis(identity, wait_s)
        if look.state is WorkState.UNKNOWN:
            await _start(context, file)
            look = await work.look_at_analysis(identity, wait_s)
    except ProblemError:
        return Look(WorkState.WAITING)
    return look


async def _unstored(context: ApiContext, file: File, look: Look) -> FileAnalysis:
    """Nothing is stored: it goes on, it failed, or the file was refused before anything could be measured."""
    if look.state is WorkState.DONE:
        answered = await context.quote_work.analysed(default_analysis_id(file))
        if answered is not None and answered.refusal is not None:
            return FileAnalysis(status=AnalysisStatus.REFUSED, refusal=answered.refusal)
        return FileAnalysis(status=AnalysisStatus.FAILED)
    going_on = look.state is not WorkState.FAILED
    return FileAnalysis(status=STATUS[look.state], progress=look.progress if going_on else None)


async def _start(context: ApiContext, file: File) -> None:
    await context.quote_work.start_analysis(
        default_analysis_id(file), AnalyseFile(file_sha256=file.sha256, options=BY_DEFAULT)
    )
