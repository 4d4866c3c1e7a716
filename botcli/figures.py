"""What is stored, in words: for /stats and /admin."""

from datetime import datetime

from aiogram.utils.i18n import gettext as _
from aiogram.utils.i18n import ngettext

from botcore import Spent, Totals


def everything(totals: Totals) -> str:
    """What a bot has stored of everybody."""
    lines = (
        _("People: {count:,}").format(count=totals.people),
        _("Chats: {count:,}").format(count=totals.chats),
        _("Messages: {count:,} ({theirs:,} from people, {mine:,} from me)").format(**_messages(totals)),
        *_rest(totals),
    )
    return "\n".join(lines)


def dialogue(totals: Totals) -> str:
    """What of one dialogue is stored."""
    messages = _("Messages: {count:,} ({theirs:,} from you, {mine:,} from me)").format(**_messages(totals))
    return "\n".join((messages, *_rest(totals)))


def usage(spent: Spent) -> str:
    """What the model cost for the person, wherever they asked this bot; nothing where none was asked."""
    if not spent.requests:
        return ""
    today = tokens(spent.today_requests, spent.today_input_tokens, spent.today_output_tokens)
    in_all = tokens(spent.requests, spent.input_tokens, spent.output_tokens)
    lines = _("The model for you\nToday (UTC): {today}\nIn all: {in_all}").format(today=today, in_all=in_all)
    return f"\n\n{lines}"


def tokens(requests: int, read: int, written: int) -> str:
    """What so many answers came to."""
    return ngettext(
        "{count:,} answer, {read:,} tokens read, {written:,} written",
        "{count:,} answers, {read:,} tokens read, {written:,} written",
        requests,
    ).format(count=requests, read=read, written=written)


def _messages(totals: Totals) -> dict[str, int]:
    count = totals.system_messages + totals.user_messages + totals.assistant_messages
    return {"count": count, "theirs": totals.user_messages, "mine": totals.assistant_messages}


def _rest(totals: Totals) -> tuple[str, str, str]:
    return (
        _("Characters: {count:,}").format(count=totals.characters),
        _("First: {moment}").format(moment=_minute(totals.first_at)),
        _("Last: {moment}").format(moment=_minute(totals.last_at)),
    )


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M %Z}" if moment else _("none yet")
