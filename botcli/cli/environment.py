"""What a command finds around it: the settings, their log, Redis, and the embedded server's folder."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from botcli.database import data_dir
from botcli.settings import BotSettings
from botcore import InvalidInput, Settings, logs

if TYPE_CHECKING:
    from botcli.redis_storage import RedisStorage


def read_settings() -> BotSettings:
    """The settings, with the log set up: only errors unless LOG_LEVEL says otherwise, since commands talk."""
    settings = BotSettings()
    level = settings.log_level if "log_level" in settings.model_fields_set else "ERROR"
    logs.configure(level, settings.log_format, sql=settings.log_sql, secrets=settings.secrets())
    return settings


def token_bot_id(settings: BotSettings) -> int | None:
    """The bot that BOT_TOKEN is of, or None where it names none."""
    found = re.match("[0-9]{1,19}(?=:)", settings.bot_token.get_secret_value() if settings.bot_token else "")
    return int(found[0]) if found else None


def check_replica(settings: Settings) -> None:
    """Raises InvalidInput where `--replica` has none to read from: it would be the primary, unsaid."""
    if not (settings.database_url and settings.database_replica_url):
        raise InvalidInput("--replica", "needs DATABASE_REPLICA_URL, beside DATABASE_URL")


@asynccontextmanager
async def open_redis(settings: BotSettings) -> AsyncIterator["RedisStorage | None"]:
    """The forms on Redis, where REDIS_URL is set; nothing is asked of it yet."""
    if settings.redis_url is None:
        yield None
        return
    # with it aiogram, which takes its time
    from botcli.redis_storage import RedisStorage

    redis = RedisStorage(settings.redis_url.get_secret_value())
    try:
        yield redis
    finally:
        await redis.close()


def embedded_dir(settings: Settings) -> Path:
    """The embedded server's folder; raises InvalidInput where DATABASE_URL names another server."""
    if settings.database_url:
        raise InvalidInput("DATABASE_URL", "is set, so the embedded server is not in use; unset it to manage that one")
    return data_dir(settings)
