"""`botcli doctor`: whether the settings, the versions, the database and Telegram fit, and what to do where not."""

import asyncio
import platform
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from cyclopts import Parameter
from pydantic import ValidationError

from botcli.cli import output
from botcli.cli.environment import open_redis, read_settings
from botcli.database import migrated_url
from botcli.replies.settings import model_settings
from botcli.settings import BotSettings
from botcore import BotcoreError, Database, InvalidInput, console, health, migrations, queries

_PACKAGES: Final = ("botcore", "psycopg", "psycopg-pool", "aiogram")
_OLDEST_SERVER: Final = 15
# hosts kill 10 s after SIGTERM, and closing takes up to three
_LONGEST_GRACE: Final = 7
_TELEGRAM_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Finding:
    """A line: what was looked at, how that is, what was found, and where it is not ok what to do."""

    name: str
    state: Literal["ok", "warning", "failed"]
    found: str
    to_do: str | None = None


async def doctor(*, json: Annotated[bool, Parameter(name="--json", help="Print JSON.")] = False) -> int:
    """Tell whether all that the bot needs is there and fits, and what to do; exit 1 where something failed."""
    findings = [finding async for finding in _examine()]
    if json:
        output.as_json([asdict(finding) for finding in findings])
    else:
        output.as_pairs((finding.state, _line(finding)) for finding in findings)
    return int(any(finding.state == "failed" for finding in findings))


def _line(finding: Finding) -> str:
    return f"{finding.name}: {finding.found}" + (f" - {finding.to_do}" if finding.to_do else "")


async def _examine() -> AsyncIterator[Finding]:
    for finding in (*_versions(), *_files()):
        yield finding
    try:
        settings = read_settings()
    except ValidationError as error:
        for each in error.errors():
            name = ".".join(map(str, each["loc"])).upper()
            yield Finding("settings", "failed", f"{name}: {each['msg']}", "see .env.example")
        return
    for finding in _settings(settings):
        yield finding
    async for finding in _database(settings):
        yield finding
    if settings.redis_url and find_spec("aiogram"):
        async for finding in _redis(settings):
            yield finding
    async for finding in _telegram(settings):
        yield finding


def _versions() -> Iterator[Finding]:
    yield Finding("python", "ok", platform.python_version())
    for package in _PACKAGES:
        try:
            yield Finding(package, "ok", version(package))
        except PackageNotFoundError:
            yield Finding(package, "warning", "not installed", "pip install 'botcore[bot]' for `botcli run` and `chat`")


def _files() -> Iterator[Finding]:
    for name, found in (("sql", len(queries.names())), ("migrations", len(migrations.history()))):
        state: Literal["ok", "failed"] = "ok" if found else "failed"
        yield Finding(name, state, f"{found} files", None if found else "install botcore anew: its files are missing")


def _settings(settings: BotSettings) -> Iterator[Finding]:
    wrong = [finding for look in _LOOKS for finding in look(settings)]
    yield from wrong or [Finding("settings", "ok", "they fit together")]


def _webhook_settings(settings: BotSettings) -> Iterator[Finding]:
    if settings.webhook_url and find_spec("aiohttp"):
        from botcli import webhook

        try:
            webhook.endpoint(settings)
        except InvalidInput as error:
            yield Finding("settings", "failed", str(error), "`botcli run` refuses to start like that")
    elif settings.webhook_secret and not settings.webhook_url:
        yield Finding(
            "settings", "warning", "WEBHOOK_SECRET is set without WEBHOOK_URL", "the bot polls; set both or none"
        )


def _model(settings: BotSettings) -> Iterator[Finding]:
    try:
        model = model_settings(settings)
        if model and model.prompt and find_spec("aiogram"):
            from botcli.windows import Windows

            Windows.of(settings, prompt_characters=len(model.prompt))
    except InvalidInput as error:
        yield Finding("settings", "failed", str(error), "`botcli run` refuses to start like that")
        return
    if model and not find_spec("openai"):
        yield Finding("settings", "failed", "a model is set, and its package missing", "pip install 'botcore[llm]'")


def _place(settings: BotSettings) -> Iterator[Finding]:
    if "http_host" in settings.model_fields_set and not (settings.port or settings.webhook_url):
        yield Finding("settings", "warning", "HTTP_HOST is set without PORT", "nothing listens; set both for probes")


def _database_settings(settings: BotSettings) -> Iterator[Finding]:
    if settings.database_url and settings.botcore_data_dir:
        found = "BOTCORE_DATA_DIR is set beside DATABASE_URL"
        yield Finding("settings", "warning", found, "the embedded server is not used; unset one of them")


def _api_url(settings: BotSettings) -> Iterator[Finding]:
    try:
        url = urlsplit(settings.telegram_api_url)
    except ValueError:
        yield Finding("settings", "failed", "TELEGRAM_API_URL is no URL", "see .env.example")
        return
    if url.scheme == "http" and url.hostname not in {"localhost", "127.0.0.1", "::1"}:
        yield Finding("settings", "warning", "TELEGRAM_API_URL is http", "the token goes unencrypted; use https")


def _stop(settings: BotSettings) -> Iterator[Finding]:
    if settings.grace_seconds > _LONGEST_GRACE:
        to_do = f"docker stop and the like kill after 10 s: {_LONGEST_GRACE} at most, or give it more time there"
        yield Finding("settings", "warning", f"GRACE_SECONDS is {settings.grace_seconds:g}", to_do)


def _log(settings: BotSettings) -> Iterator[Finding]:
    if settings.log_sql:
        yield Finding("settings", "warning", "LOG_SQL is on", "the log holds what people write; for local work only")


_LOOKS: Final[tuple[Callable[[BotSettings], Iterator[Finding]], ...]] = (
    _webhook_settings,
    _model,
    _place,
    _database_settings,
    _api_url,
    _stop,
    _log,
)


async def _database(settings: BotSettings) -> AsyncIterator[Finding]:
    where = "DATABASE_URL" if settings.database_url else "the embedded server"
    try:
        pooler = settings.database_pooler
        async with migrated_url(settings) as url, Database.connect(url, max_size=1, pooler=pooler) as database:
            server = await database.server_version()
            is_old = int(server.partition(".")[0]) < _OLDEST_SERVER
            to_do = f"upgrade it to {_OLDEST_SERVER} or newer" if is_old else None
            yield Finding("server", "failed" if is_old else "ok", f"PostgreSQL {server}, {where}", to_do)
            for check in await database.health():
                yield _from_check(check)
    except BotcoreError as error:
        yield Finding("database", "failed", " ".join(str(error).split()), f"mend {where}, or the server")
    if settings.database_url and (direct := settings.database_direct_url):
        yield await _reached("DATABASE_DIRECT_URL", direct.get_secret_value(), "failed")
    if settings.database_url and (replica := settings.database_replica_url):
        yield await _reached("DATABASE_REPLICA_URL", replica.get_secret_value(), "warning")


async def _reached(name: str, url: str, otherwise: Literal["warning", "failed"]) -> Finding:
    """Whether the server itself is there."""
    try:
        return Finding(name, "ok", f"PostgreSQL {await console.server_version(url)}")
    except BotcoreError as error:
        reason = str(error).removeprefix("DATABASE_URL: ").partition(": set ")[0]
        return Finding(name, otherwise, " ".join(reason.split()), f"mend {name}, or the server")


async def _redis(settings: BotSettings) -> AsyncIterator[Finding]:
    found: health.Found = {}
    try:
        async with open_redis(settings) as redis:
            if redis is None:
                return
            await redis.look(found)
            yield _from_check(found["redis"])
            if found["redis"].is_ok:
                about = await redis.about()
                policy = about.get("maxmemory_policy", "noeviction")
                to_do = None if policy == "noeviction" else f"it drops forms when it is full ({policy}): set noeviction"
                yield Finding("redis", "warning" if to_do else "ok", f"Redis {about.get('redis_version')}", to_do)
    except BotcoreError as error:
        yield Finding("redis", "failed", str(error), "`botcli run` refuses to start like that")


def _from_check(check: health.Check) -> Finding:
    if check.is_ok:
        return Finding(check.name, "ok", f"{check.milliseconds:g} ms")
    # what helps stands in the reason
    return Finding(check.name, "failed" if check.is_essential else "warning", check.reason or "not ok")


async def _telegram(settings: BotSettings) -> AsyncIterator[Finding]:
    if settings.bot_token is None:
        yield Finding(
            "token", "warning", "BOT_TOKEN is not set", "`botcli run` needs it; @BotFather on Telegram gives one"
        )
        return
    if not find_spec("aiogram"):
        return
    from botcli import serving

    try:
        async with serving.open_bot(settings.bot_token.get_secret_value(), settings.telegram_api_url) as bot:
            with serving.explained(bot):
                async with asyncio.timeout(_TELEGRAM_SECONDS):
                    me = await bot.get_me()
                    info = await bot.get_webhook_info()
    except (BotcoreError, TimeoutError) as error:
        found = str(error) or f"no answer from the Bot API in {_TELEGRAM_SECONDS:g} s"
        yield Finding("token", "failed", found, "look at BOT_TOKEN and at TELEGRAM_API_URL")
        return
    yield Finding("token", "ok", f"@{me.username}, {me.id}")
    yield _updates(settings, info.url, info.pending_update_count)
    if settings.webhook_url == info.url and (missing := serving.missing_kinds(info)):
        found = f"Telegram posts not every kind of update: {', '.join(missing)} missing"
        yield Finding("webhook", "warning", found, "run `botcli webhook set`")
    if info.url and info.last_error_message:
        yield Finding("webhook", "warning", f"Telegram met: {info.last_error_message}", "see `botcli webhook info`")


def _updates(settings: BotSettings, posts_to: str, pending: int) -> Finding:
    """How updates come, beside how the settings have it."""
    if posts_to and not settings.webhook_url:
        to_do = "set WEBHOOK_URL, or run `botcli webhook delete`"
        return Finding("webhook", "failed", "Telegram posts updates to a webhook, so nobody can poll", to_do)
    if posts_to != (settings.webhook_url or ""):
        found = "Telegram posts updates elsewhere" if posts_to else "Telegram posts no updates"
        return Finding(
            "webhook", "warning", f"{found} than to WEBHOOK_URL" if posts_to else found, "run `botcli webhook set`"
        )
    return Finding("webhook", "ok", f"updates are {'posted' if posts_to else 'polled'}, {pending} wait")
