"""`botcli run`: the bot on Telegram."""

import asyncio
import signal
from contextlib import suppress

from botcli.database import open_database
from botcli.settings import BotSettings
from botcore import InvalidInput, logs


async def run() -> None:
    """Answer on Telegram, or on the server in TELEGRAM_API_URL, until SIGTERM or SIGINT."""
    settings = BotSettings()
    if settings.bot_token is None:
        raise InvalidInput("BOT_TOKEN", "is not set; @BotFather on Telegram gives one")
    token = settings.bot_token.get_secret_value()
    # the bot's id, before the colon, is no secret and worth reading
    secret = token.partition(":")[2]
    logs.configure(settings.log_level, settings.log_format, sql=settings.log_sql, secrets=[secret])
    serving = asyncio.ensure_future(_serve(token, settings))
    # until polling begins, which has its own: then an update in work is finished
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    with suppress(asyncio.CancelledError):
        await serving


async def _serve(token: str, settings: BotSettings) -> None:
    from botcli import polling
    from botcli.replies.echo import Echo
    from botcli.windows import Windows

    async with polling.open_bot(token, settings.telegram_api_url) as bot:
        await polling.introduce(bot)
        async with open_database(settings) as database:
            await polling.poll(bot, database, Echo(), Windows(settings.group_window, settings.window_versions))
