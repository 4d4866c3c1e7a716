"""The bot on Telegram: what takes updates in and what answers them, until it is told to stop."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from urllib.parse import urlsplit

from aiogram import Bot
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import AiogramError, TelegramBadRequest, TelegramNotFound, TelegramUnauthorizedError
from aiogram.types import WebhookInfo
from aiogram.utils.token import TokenValidationError

from botcli import menus, requests
from botcli.bot import build_dispatcher, update_types
from botcli.delivery import Delivery, Terms
from botcli.journal import Journal
from botcli.metrics import BotMetrics
from botcli.pacing import Pace
from botcli.pictures import open_pictures
from botcli.polling import Session, poll
from botcli.redis_storage import RedisStorage
from botcli.replies import Replier
from botcli.showing import DEFAULT as AS_IT_IS
from botcli.showing import Showing
from botcli.webhook import Endpoint, Intake
from botcli.windows import DEFAULT, Windows
from botcore import BotcoreError, Database, InvalidInput

_log = logging.getLogger(__name__)


def open_bot(token: str, api_url: str) -> Bot:
    """The bot of this token on this Bot API server; nothing is asked yet.

    Raises InvalidInput when the token has not the form of one.
    """
    session = Session(api=TelegramAPIServer.from_base(api_url))
    requests.use(session)
    try:
        return Bot(token, session=session)
    except TokenValidationError:
        raise InvalidInput("BOT_TOKEN", "is malformed: @BotFather's tokens look like 123456:ABC-DEF") from None


async def introduce(bot: Bot, endpoint: Endpoint | None = None) -> None:
    """Checks the token and how updates come.

    Raises InvalidInput, which shows no token, when the server refuses it, and BotcoreError when it cannot be reached,
    or a webhook is set though there is no `endpoint`: then nobody can poll.
    """
    with explained(bot):
        await bot.me()
        info = await bot.get_webhook_info()
    posts_to = info.url
    if posts_to and endpoint is None:
        raise BotcoreError("Telegram posts updates to a webhook: set WEBHOOK_URL, or end that by botcli webhook delete")
    if endpoint and posts_to != endpoint.url:
        _log.warning("Telegram does not post updates to WEBHOOK_URL: botcli webhook set tells it to")
    elif endpoint and (missing := missing_kinds(info)):
        text = "Telegram posts not every kind of update that is needed: botcli webhook set asks for them"
        _log.warning(text, extra={"kinds": ", ".join(missing)})


def missing_kinds(info: WebhookInfo) -> list[str]:
    """The kinds of update that the bot needs and its webhook was not set for: by hand, or by an older release."""
    # without a list Telegram posts all but a few, none of which is needed here
    return sorted(set(update_types()).difference(info.allowed_updates)) if info.allowed_updates else []


@contextmanager
def explained(bot: Bot, server: str | None = None) -> Iterator[None]:
    """Turns what the Bot API refuses, or its silence, into a BotcoreError that shows no token; `server` is its name.

    A token that is refused is InvalidInput: it does not become right by asking again.
    """
    server = server or _host(bot)
    try:
        yield
    except (TelegramUnauthorizedError, TelegramNotFound):
        raise InvalidInput("BOT_TOKEN", f"{server} refuses it: it is wrong or was revoked") from None
    except TelegramBadRequest as error:
        # what the server says of an argument; should it quote the token, that is not passed on
        reason = error.message.replace(bot.token.partition(":")[2], "***")
        raise BotcoreError(f"{server}: {reason}") from None
    except AiogramError as error:
        # the text of a network error can hold the URL, and that the token
        reason = type(error.__cause__ or error).__name__
        raise BotcoreError(f"no use of the Bot API at {server}: {reason}") from None


async def serve(
    bot: Bot,
    database: Database,
    replier: Replier,
    stop: asyncio.Event,
    *,
    windows: Windows = DEFAULT,
    daily_tokens: int | None = None,
    showing: Showing = AS_IT_IS,
    turns_per_minute: int = 0,
    admin_ids: frozenset[int] = frozenset(),
    pace: Pace | None = None,
    terms: Terms | None = None,
    intake: Intake | None = None,
    redis: RedisStorage | None = None,
    metrics: BotMetrics | None = None,
) -> None:
    """Answers until `stop` is set; then it begins nothing more, and what is in work ends within the grace time.

    Updates come by polling, or where there is an `intake` they are posted there, to the end: then they are stored for
    other processes, or the next start.
    """
    metrics = metrics or BotMetrics()
    requests.use(bot.session, database=database, pace=pace, journal=Journal(), innermost=metrics.requests)
    dispatcher = build_dispatcher(
        database,
        metrics.timed(replier),
        windows=windows,
        daily_tokens=daily_tokens,
        showing=showing,
        turns_per_minute=turns_per_minute,
        admin_ids=admin_ids,
        redis=redis,
        pictures=open_pictures(),
    )
    delivery = Delivery(bot, database, dispatcher, terms or Terms(), metrics)
    with metrics.of(database, bot), intake.into(delivery.store) if intake else nullcontext():
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(delivery.run())
            # beside the work: a server that says 429 to it must not hold up the start
            registering = tasks.create_task(menus.register(bot, admin_ids))
            polling = None if intake else tasks.create_task(poll(bot, database, delivery))
            await stop.wait()
            registering.cancel()
            if polling:
                polling.cancel()
                await asyncio.wait({polling})
            delivery.stop()


def _host(bot: Bot) -> str:
    """The server without what a URL can hold besides: a password, a token."""
    url = urlsplit(bot.session.api.base)
    return url.netloc.rpartition("@")[2] or "TELEGRAM_API_URL"
