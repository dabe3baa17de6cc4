"""Examines each piece of an installation: what is wrong, and what to do about it."""

import asyncio
from collections.abc import Awaitable, Callable

from fulfil.deploy.checks_of_files import check_files, check_scanner, check_slicer
from fulfil.deploy.checks_of_machine import (
    check_api,
    check_binaries,
    check_collector,
    check_data_folder,
    check_ports,
    check_processes,
    check_python,
    check_tokens,
)
from fulfil.deploy.checks_of_servers import check_postgres, check_storage, check_stripe, check_temporal
from fulfil.deploy.findings import Finding, Patient, fail

# Longer than any time-out inside a check, so that the check itself says what it waited for.
CHECK_WITHIN_S = 20.0

Check = Callable[[Patient], Awaitable[list[Finding]]]
CHECKS: tuple[Check, ...] = (
    check_python,
    check_binaries,
    check_data_folder,
    check_ports,
    check_processes,
    check_postgres,
    check_temporal,
    check_storage,
    check_files,
    check_slicer,
    check_scanner,
    check_stripe,
    check_tokens,
    check_api,
    check_collector,
)


async def examine(patient: Patient) -> list[Finding]:
    """Run every check at once; findings in the order of the checks."""
    answers = await asyncio.gather(*(run_check(check, patient) for check in CHECKS))
    return [finding for findings in answers for finding in findings]


async def run_check(check: Check, patient: Patient) -> list[Finding]:
    """What the check found; that it hangs is a finding too."""
    piece = check.__name__.removeprefix("check_").replace("_", " ")
    try:
        async with asyncio.timeout(CHECK_WITHIN_S):
            return await check(patient)
    except TimeoutError:
        return [fail(piece, f"no answer within {CHECK_WITHIN_S:.0f} s", "look at its log, or restart it")]
