"""How long an update that could not be handled waits for its next attempt."""

from typing import Final

from aiogram.exceptions import TelegramNetworkError, TelegramRetryAfter, TelegramServerError

from botcore import Unavailable, Update

LONGEST_SECONDS: Final = 300

_DAY_SECONDS: Final = 86_400
# of outages, which are no update's fault: the sum of their waits is over an hour
_POSTPONEMENTS: Final = 20


def postponed(error: Exception, update: Update) -> int | None:
    """Seconds to wait where the update is not to blame; None where it is, or has been put off for too long."""
    if update.attempts > _POSTPONEMENTS:
        return None
    if isinstance(error, TelegramRetryAfter):
        return min(_DAY_SECONDS, error.retry_after)
    if isinstance(error, TelegramNetworkError | TelegramServerError | Unavailable):
        return min(LONGEST_SECONDS, 2 << update.attempts)
    return None
