"""`botcli webhook`: tells Telegram where to post updates, or no longer to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from cyclopts import App, Parameter
from cyclopts.validators import Number

from botcli.cli import output
from botcli.cli.environment import read_settings
from botcli.settings import BotSettings
from botcore import InvalidInput

if TYPE_CHECKING:
    from aiogram import Bot
    from aiogram.types import WebhookInfo

app = App(name="webhook", help="Where Telegram posts updates.")

Connections = Annotated[int, Parameter(help="Requests at once, 1 to 100.", validator=Number(gte=1, lte=100))]


@app.command
async def set(*, max_connections: Connections = 40) -> None:  # noqa: A001 - the command's name
    """Tell Telegram to post updates to WEBHOOK_URL, with WEBHOOK_SECRET; nothing can poll then."""
    settings = read_settings()
    from botcli import webhook

    endpoint = webhook.endpoint(settings)
    async with _bot(settings) as bot:
        from botcli.bot import update_types

        await bot.set_webhook(
            endpoint.url,
            secret_token=endpoint.secret,
            allowed_updates=update_types(),
            max_connections=max_connections,
        )
    output.say(f"Telegram posts updates to {_place(endpoint.url)}")


@app.command
async def delete(
    *,
    drop_pending: Annotated[bool, Parameter(help="The updates that wait are lost.")] = False,
    yes: Annotated[bool, Parameter(help="Do not ask.")] = False,
) -> None:
    """Tell Telegram to post no updates any more; those that wait can be polled, unless they are dropped."""
    if drop_pending and not yes:
        output.confirm("the updates that wait are lost", look_at="`botcli webhook info`")
    async with _bot(read_settings()) as bot:
        await bot.delete_webhook(drop_pending_updates=drop_pending)
    output.say("Telegram posts no updates")


@app.command
async def info(*, json: Annotated[bool, Parameter(name="--json", help="Print JSON.")] = False) -> None:
    """Print where Telegram posts updates, how many wait, and what failed last."""
    async with _bot(read_settings()) as bot:
        found = _pairs(await bot.get_webhook_info())
    if json:
        output.as_json(found)
    else:
        listed = {**found, "allowed_updates": ", ".join(found["allowed_updates"]) or None}
        output.as_pairs(listed.items())


def _pairs(info: "WebhookInfo") -> dict[str, Any]:
    return {
        "url": _place(info.url) or None,
        "pending_updates": info.pending_update_count,
        "last_error": info.last_error_message,
        "last_error_at": info.last_error_date,
        "max_connections": info.max_connections,
        "allowed_updates": info.allowed_updates or [],
    }


def _place(url: str) -> str:
    """Host and path: the rest of a URL can hold a password or a key."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] + parts.path


@asynccontextmanager
async def _bot(settings: BotSettings) -> AsyncIterator["Bot"]:
    if settings.bot_token is None:
        raise InvalidInput("BOT_TOKEN", "is not set; @BotFather on Telegram gives one")
    from botcli import serving

    async with serving.open_bot(settings.bot_token.get_secret_value(), settings.telegram_api_url) as bot:
        with serving.explained(bot):
            yield bot
