"""Messages of a dialogue, a line each, in one message of Telegram's."""

from collections.abc import Iterator
from typing import Final

from aiogram.utils.i18n import gettext as _

from botcli.sentences import later
from botcli.splitting import MESSAGE_UNITS
from botcore import Delivery, Message, Role

_SPEAKERS: Final[dict[Role, str]] = {"user": later("You"), "assistant": later("Bot"), "system": later("System")}
_STATES: Final[dict[Delivery, str]] = {"pending": later("not sent yet"), "unconfirmed": later("unconfirmed")}


def transcript(messages: list[Message], *, dated: bool = False) -> str:
    """Who said what, in the order given; each is cut so that all have room."""
    room = MESSAGE_UNITS // max(1, len(messages)) - 1
    return "\n".join(cut(line, room) for line in _lines(messages, dated=dated))


def said(message: Message) -> str:
    """What the message says on one line, or of which kind it is."""
    return " ".join(message.content.split()) or f"[{message.kind}]"


def cut(line: str, units: int) -> str:
    """The line, of at most so many UTF-16 units."""
    encoded = line.encode("utf-16-le")
    if len(encoded) <= 2 * units:
        return line
    # the last kept unit may be half of a pair
    return encoded[: 2 * (units - 1)].decode("utf-16-le", "ignore") + "…"


def _lines(messages: list[Message], *, dated: bool) -> Iterator[str]:
    for message in messages:
        date = f"{message.sent_at:%Y-%m-%d} " if dated else ""
        state = f" ({_(_STATES[message.delivery])})" if message.delivery else ""
        yield f"{date}{_(_SPEAKERS[message.role])}{state}: {said(message)}"
