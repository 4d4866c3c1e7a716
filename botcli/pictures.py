"""The picture of /stats: what was said in a chat in the last days, drawn beside the event loop."""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import date
from importlib.util import find_spec
from threading import Lock, Thread
from typing import Any, Final

from aiogram.utils.i18n import I18n
from aiogram.utils.i18n import gettext as _
from babel.dates import format_date, format_skeleton, get_day_names

from botcli.overview import Rows, Words
from botcore import BotcoreError, Transaction

_ZONE: Final = "UTC"
# matplotlib's first start takes some of them on a busy machine; nobody waits for an answer for long
_SECONDS: Final = 15.0
# who waits here is one of the UPDATE_CONCURRENCY that are answered at once
_AT_ONCE: Final = 4

_log = logging.getLogger(__name__)


class Pictures:
    """Draws one at a time, so that no crowd of curious people takes the processor from whoever waits for an answer."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._asked_for = 0

    async def of_chat(self, database: Transaction, chat_id: int, *, is_private: bool) -> bytes | None:
        """A PNG of the last 30 days in the language that is spoken, or None: nothing was said, or it takes too long.

        It has numbers alone: of a private chat those of its person, of another what all of its people said together.
        """
        if self._asked_for == _AT_ONCE:
            return None
        self._asked_for += 1
        try:
            return await self._of_chat(database, chat_id, is_private=is_private)
        finally:
            self._asked_for -= 1

    async def _of_chat(self, database: Transaction, chat_id: int, *, is_private: bool) -> bytes | None:
        try:
            async with asyncio.timeout(_SECONDS):
                daily = await database.stats.chat_daily(chat_id=chat_id, time_zone=_ZONE)
                if not any(day.user_messages + day.assistant_messages for day in daily):
                    return None
                hours = await database.stats.chat_hours(chat_id=chat_id, time_zone=_ZONE)
                words = _words([date.fromisoformat(day.day) for day in daily], is_private=is_private)
                return await self._drawn(daily, hours, *words)
        except TimeoutError:
            _log.warning("no picture: it took too long", extra={"seconds": _SECONDS})
        except BotcoreError as error:
            _log.warning("no picture: its figures cannot be read", extra={"reason": str(error)})
        except Exception as error:  # noqa: BLE001 - what is told by numbers needs no picture
            _log.warning("no picture: it cannot be drawn", exc_info=error)
        return None

    async def _drawn(self, *what: Any) -> bytes:
        """As asyncio.to_thread, but one after the other, and the program's end does not wait for it."""
        done: Future[bytes] = Future()

        def run() -> None:
            with self._turn:
                # given up while others were drawn
                if not done.set_running_or_notify_cancel():
                    return
                try:
                    image = _draw(*what)
                except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
                    done.set_exception(error)
                else:
                    done.set_result(image)

        Thread(target=run, name="pictures", daemon=True).start()
        return await asyncio.wrap_future(done)


def open_pictures() -> Pictures | None:
    """None where the extra `charts` is not installed; nothing of it is imported yet, which takes a second."""
    return Pictures() if find_spec("matplotlib") else None


def _draw(daily: Rows, hours: Rows, title: str, words: Words) -> bytes:
    from botcli import charts

    return charts.picture_of_chat(daily, hours, title, words)


def _words(days: Sequence[date], *, is_private: bool) -> tuple[str, Words]:
    """What stands on it; here, since a thread knows nothing of whom the bot speaks with."""
    language = I18n.get_current(no_error=False).current_locale
    first, last = (format_date(day, "medium", language) for day in (days[0], days[-1]))
    names = get_day_names("abbreviated", "stand-alone", language)
    return _("This chat, {first} to {last}").format(first=first, last=last), Words(
        by_day=_("Messages by day"),
        day=_("day ({zone})").format(zone=_ZONE),
        messages=_("messages"),
        people=_("from you") if is_private else _("from people"),
        bot=_("from me"),
        by_hour=_("Your messages by weekday and hour") if is_private else _("People's messages by weekday and hour"),
        hour=_("hour of the day ({zone})").format(zone=_ZONE),
        weekdays=[names[day] for day in range(7)],
        days=[format_skeleton("MMMd", day, locale=language) for day in days],
    )
