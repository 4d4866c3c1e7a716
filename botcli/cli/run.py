"""`botcli run`: the bot on Telegram."""

import asyncio
import signal
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, cast

from botcli.cli.environment import open_redis
from botcli.database import open_database
from botcli.settings import BotSettings
from botcore import Database, InvalidInput, logs

if TYPE_CHECKING:
    from aiogram import Bot

    from botcli.metrics import BotMetrics
    from botcli.redis_storage import RedisStorage
    from botcli.replies import Replier
    from botcli.webhook import Intake
    from botcli.windows import Windows


async def run() -> None:
    """Answer on Telegram, or on the server in TELEGRAM_API_URL, until SIGTERM or SIGINT.

    Updates are polled, or with WEBHOOK_URL posted there. As many processes as you like can run at once. With PORT it
    answers probes, /live, /health and /ready, and Prometheus, /metrics.
    """
    settings = BotSettings()
    if settings.bot_token is None:
        raise InvalidInput("BOT_TOKEN", "is not set; @BotFather on Telegram gives one")
    token = settings.bot_token.get_secret_value()
    logs.configure(settings.log_level, settings.log_format, sql=settings.log_sql, secrets=settings.secrets())
    stop = asyncio.Event()
    serving = asyncio.ensure_future(_serve(token, settings, stop))
    # until it serves a signal ends it at once; then it finishes what is in work, unless there comes a second one
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    with suppress(asyncio.CancelledError):
        await serving


async def _serve(token: str, settings: BotSettings, stop: asyncio.Event) -> None:
    from botcli import http, serving, webhook
    from botcli.metrics import BotMetrics
    from botcli.probes import Probes
    from botcli.replies.opening import open_replier

    endpoint = webhook.endpoint(settings) if settings.webhook_url else None
    intake = webhook.Intake() if endpoint else None
    async with serving.open_bot(token, settings.telegram_api_url) as bot, AsyncExitStack() as stack:
        redis = await stack.enter_async_context(open_redis(settings))
        probes, metrics = Probes(bot, stop, redis), BotMetrics()
        stack.push_async_callback(probes.close)
        routes = probes.routes() + metrics.routes()
        if endpoint and intake:
            routes.append(webhook.route(intake.store, secret=endpoint.secret, path=endpoint.path))
        # before all that can take its time, so that whoever started the process knows that it lives
        if address := http.address(settings):
            await stack.enter_async_context(http.serve(http.build_application(routes), *address))
        replier, windows = await stack.enter_async_context(open_replier(settings))
        await serving.introduce(bot, endpoint)
        async with open_database(settings, wait=settings.wait_for_database, metrics=metrics.database) as database:
            with probes.of(database):
                await _work(
                    *(bot, database, settings, stop),
                    replier=replier,
                    windows=windows,
                    intake=intake,
                    redis=redis,
                    metrics=metrics,
                )


async def _work(
    bot: "Bot",
    database: Database,
    settings: BotSettings,
    stop: asyncio.Event,
    *,
    replier: "Replier",
    windows: "Windows",
    intake: "Intake | None",
    redis: "RedisStorage | None",
    metrics: "BotMetrics",
) -> None:
    from botcli import serving
    from botcli.delivery import Terms
    from botcli.pacing import Pace
    from botcli.replies.echo import Echo
    from botcli.showing import Showing

    def end() -> None:
        task.cancel() if stop.is_set() else stop.set()

    task = cast("asyncio.Task[None]", asyncio.current_task())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)
    await serving.serve(
        bot,
        database,
        replier,
        stop,
        windows=windows,
        daily_tokens=settings.llm_daily_tokens,
        showing=Showing.of(settings),
        # what costs nothing needs no limit
        turns_per_minute=0 if isinstance(replier, Echo) else settings.turns_per_minute,
        admin_ids=settings.admin_ids,
        pace=Pace(settings.send_per_second, settings.send_per_chat_per_minute, settings.send_per_group_per_minute),
        terms=Terms(
            settings.update_concurrency,
            settings.update_lease_seconds,
            settings.grace_seconds,
            settings.resend_unconfirmed,
        ),
        intake=intake,
        redis=redis,
        metrics=metrics,
    )
