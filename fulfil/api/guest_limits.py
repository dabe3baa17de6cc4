"""How much guests may ask for: moving windows by address and by guest, remembered in this process.

Several API processes count for themselves, so that a fleet of them allows so many times as much.
"""

import time
from enum import StrEnum
from http import HTTPStatus

from fastapi import Request
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from fulfil.api.access import Principal
from fulfil.api.addresses import client_address
from fulfil.api.errors import ProblemError
from fulfil.kit.settings import Settings


class GuestAct(StrEnum):
    """What is counted."""

    SESSION = "session"
    UPLOAD = "upload"
    QUOTE = "quote"


class GuestLimits:
    """Raises 429 `too_many_requests`; people with an account are not counted."""

    def __init__(self, settings: Settings) -> None:
        self._trusted_proxies = settings.trusted_proxies
        self._windows = MovingWindowRateLimiter(MemoryStorage())
        self._most: dict[GuestAct, RateLimitItem] = {
            GuestAct.SESSION: RateLimitItemPerMinute(settings.guest_sessions_per_minute),
            GuestAct.UPLOAD: RateLimitItemPerMinute(settings.guest_uploads_per_minute),
            GuestAct.QUOTE: RateLimitItemPerMinute(settings.guest_quotes_per_minute),
        }

    def count(self, act: GuestAct, request: Request, caller: Principal | None) -> None:
        """Count one act of a guest, or of somebody who becomes one (None), or refuse it."""
        if caller is not None and not caller.is_guest:
            return
        most = self._most[act]
        keys = [f"address:{client_address(request, self._trusted_proxies)}"]
        if caller is not None:
            keys.append(f"guest:{caller.account_id}")
        for key in keys:
            if not self._windows.test(most, act.value, key):
                raise self._refused(most, act, key)
        for key in keys:
            self._windows.hit(most, act.value, key)

    def _refused(self, most: RateLimitItem, act: GuestAct, key: str) -> ProblemError:
        free_at = self._windows.get_window_stats(most, act.value, key).reset_time
        wait_s = max(1, round(free_at - time.time()))
        return ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too_many_requests",
            f"Guests have {most.amount} {act.value}s a minute: try again in {wait_s} s, or register.",
            retry_after_s=wait_s,
        )
