"""/admin: what the bot's operators look at; to all others there is no such command."""

from importlib.metadata import version
from time import monotonic
from typing import Final

from aiogram import Bot, F, Router
from aiogram.enums import ChatType
from aiogram.filters import Command
from aiogram.types import Message
from aiogram.utils.i18n import gettext as _
from aiogram.utils.i18n import ngettext

from botcli import answers, figures
from botcli.incoming import sender
from botcli.languages import Speak
from botcli.middleware import Store
from botcore import Backlog, Cost, Database, Failure, health

_STARTED: Final = monotonic()


def build_router(database: Database) -> Router:
    """The handler, on a router of its own."""
    router = Router(name="admin")
    router.message.middleware(Store(database, hidden=True))
    router.message.middleware(Speak(database))
    # in a group the others would read it
    router.message.register(admin, F.chat.type == ChatType.PRIVATE, Command("admin", ignore_case=True), is_admin)
    return router


def is_admin(message: Message, admin_ids: frozenset[int]) -> bool:
    """Whether ADMIN_IDS has who asks."""
    person = sender(message)
    return person is not None and person.id in admin_ids


async def admin(message: Message, bot: Bot, database: Database) -> None:
    """Shows health, updates and what set them aside, the model's day, and totals."""
    parts = (
        f"botcore {version('botcore')}\n{_up()}",
        _health(await database.health()),
        _updates(await database.updates.backlog(bot_id=bot.id), await database.updates.failures(bot_id=bot.id)),
        _model(await database.usage.of_bot(bot_id=bot.id)),
        figures.everything(await database.stats.totals(bot_id=bot.id)),
    )
    await answers.say(message, "\n\n".join(parts))


def _up() -> str:
    # of the process that answers, one of several perhaps
    minutes, seconds = divmod(int(monotonic() - _STARTED), 60)
    return _("This process has run for {time}").format(time=f"{minutes // 60}:{minutes % 60:02}:{seconds:02}")


def _health(checks: health.Checks) -> str:
    lines = [f"{each.name}: {each.reason or 'ok'}, {each.milliseconds:,} ms" for each in checks]
    return "\n".join((_("Health: {status}").format(status=health.status(checks)), *lines))


def _updates(backlog: Backlog, failures: list[Failure]) -> str:
    told = _("Updates: {pending:,} wait, the first for {seconds:,} s, {running:,} in work, {failed:,} set aside")
    counts = told.format(
        pending=backlog.pending, seconds=backlog.oldest_seconds, running=backlog.running, failed=backlog.failed
    )
    return "\n".join((counts, *(f"{each.count:,} x {each.error}" for each in failures)))


def _model(cost: Cost) -> str:
    today = figures.tokens(cost.requests, cost.input_tokens, cost.output_tokens)
    return ngettext(
        "The model today (UTC), for {count:,} person: {today}",
        "The model today (UTC), for {count:,} people: {today}",
        cost.people,
    ).format(count=cost.people, today=today)
