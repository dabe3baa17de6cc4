"""Uploads are looked at by a malware scanner when one is configured; without a clear answer nothing is stored."""

from http import HTTPStatus

import structlog

from fulfil.api.context import ApiContext
from fulfil.api.errors import ProblemError, invalid, unavailable
from fulfil.api.uploads import Upload
from fulfil.gateways.clamav import ScannerUnavailableError, ScanTooLargeError

log = structlog.stdlib.get_logger(__name__)
RETRY_AFTER_S = 10


async def check_for_malware(context: ApiContext, upload: Upload, by: str) -> None:
    """Nothing to say about a clean file, or when no scanner is configured.

    Raises 422 `file_infected` with the signature, 413 `file_too_large_to_scan`, and 503 `scan_unavailable` whenever
    the scanner does not say clearly that the file is clean.
    """
    if context.scanner is None:
        return
    try:
        signature = await context.scanner.scan(upload.content)
    except ScanTooLargeError as error:
        log.warning("the malware scanner takes no file that large", cause=str(error), size=len(upload.content))
        raise ProblemError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "file_too_large_to_scan",
            f"The malware scanner takes no file of {len(upload.content):,} bytes: send a smaller one, or several.",
            param=upload.param,
        ) from error
    except ScannerUnavailableError as error:
        log.error("the malware scanner is unavailable", cause=str(error))  # noqa: TRY400 (the cause says it all)
        raise unavailable(
            "scan_unavailable",
            "Files can't be checked for malware at present, so nothing was stored: try again.",
            retry_after_s=RETRY_AFTER_S,
        ) from error
    if signature is not None:
        log.warning("malware refused", signature=signature, by=by, size=len(upload.content))
        raise invalid(
            "file_infected", f"The malware scanner found {signature} in this file: nothing was stored.", upload.param
        )
