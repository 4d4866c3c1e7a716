"""The bot in front of our own Bot API server, and the command line as a real process."""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.types import Update

from botcli import decoding, serving
from botcli.bot import build_dispatcher
from botcli.delivery import Terms
from botcli.metrics import BotMetrics
from botcli.replies import Replier
from botcli.replies.echo import Echo
from botcli.replies.model import Model, open_model
from botcli.replies.settings import ModelSettings
from botcli.showing import DEFAULT as AS_IT_IS
from botcli.showing import Showing
from botcore import Database, Message, logs
from tests import roles
from tests.botcli.bot_api import BOT_ID, TOKEN, BotApi
from tests.botcli.model_server import KEY, MODEL, ModelServer

_log = logging.getLogger("botcli.delivery")

Feed = Callable[..., Awaitable[Any]]
Process = asyncio.subprocess.Process
Start = Callable[..., Awaitable[Process]]


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Where the tests run in a shell's background, Ctrl-C is ignored by them, and by what they start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
async def bot_api() -> AsyncIterator[BotApi]:
    """Telegram."""
    async with BotApi.serve() as api:
        yield api


@pytest.fixture
async def bot(bot_api: BotApi) -> AsyncIterator[Bot]:
    """The bot that talks with it."""
    bot = serving.open_bot(TOKEN, bot_api.url)
    yield bot
    assert isinstance(bot.session, AiohttpSession)
    # its own close waits 0.25 s for TLS, which nobody speaks here
    if bot.session._session:
        await bot.session._session.close()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """Whoever asks by HTTP."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def dispatcher(database: Database) -> Dispatcher:
    """The dispatcher of every front, with the echo."""
    return build_dispatcher(database, Echo())


@pytest.fixture
def feed(dispatcher: Dispatcher, bot: Bot) -> Feed:
    """Hands the dispatcher a raw update, by its kind: `message={...}`."""

    async def feed(update_id: int = 1, **update: Any) -> Any:
        # through the reader of what is stored
        raw = decoding.loads(json.dumps({"update_id": update_id, **update}))
        try:
            return await dispatcher.feed_update(bot, Update.model_validate(raw, context={"bot": bot}))
        except Exception as error:  # noqa: BLE001 - as the delivery, which would try again
            name = f"{type(error).__module__}.{type(error).__qualname__}"
            _log.error("update failed", extra={"error": name})
            return None

    return feed


@asynccontextmanager
async def at_work(
    bot: Bot,
    database: Database,
    replier: Replier | None = None,
    metrics: BotMetrics | None = None,
    showing: Showing = AS_IT_IS,
    **terms: Any,
) -> AsyncIterator[None]:
    """The whole bot for as long as the block runs; at its end it finishes what is in work."""
    stop = asyncio.Event()
    serves = asyncio.create_task(
        serving.serve(bot, database, replier or Echo(), stop, showing=showing, terms=Terms(**terms), metrics=metrics)
    )
    try:
        yield
    finally:
        stop.set()
        await serves


async def all_done(database: Database) -> None:
    """Returns when no update waits or is in work."""
    looks = 0
    async with asyncio.timeout(30):
        # one that changes between the two questions is found at the second look
        while looks < 2:
            unfinished = [await database.updates.page(state=state) for state in ("pending", "running")]
            looks = 0 if any(unfinished) else looks + 1
            await asyncio.sleep(0.02)


@pytest.fixture
def environment(database_url: str, bot_api: BotApi, tmp_path: Path) -> dict[str, str]:
    """What a process of ours gets; nothing of the machine's own settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {
        "DATABASE_URL": database_url if roles.current == "superuser" else roles.url_of(roles.current, database_url),
        "DATABASE_ERASER_URL": roles.url_of("eraser", database_url),
        "BOT_TOKEN": TOKEN,
        "TELEGRAM_API_URL": bot_api.url,
        "BOTCORE_DATA_DIR": str(tmp_path),
        "PYTHONWARNINGS": "error",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


@pytest.fixture
def settings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a command reads when a test calls it here: the test's database if it has one; pytest keeps its log."""
    with_database = "database_url" in request.fixturenames
    monkeypatch.setenv(
        "DATABASE_URL",
        request.getfixturevalue("database_url")
        if with_database
        else "postgresql://postgres:canary-password@127.0.0.1:1/x",
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logs, "configure", lambda *_, **__: None)


@pytest.fixture
async def start(environment: dict[str, str], tmp_path: Path) -> AsyncIterator[Start]:
    """Starts `botcli` with the arguments; `NAME=value` changes the environment, None takes a name away."""
    processes: list[Process] = []

    async def start(*arguments: str, **changes: str | None) -> Process:
        pipe = asyncio.subprocess.PIPE
        values = {name: value for name, value in (environment | changes).items() if value is not None}
        command = (sys.executable, "-m", "botcli", *arguments)
        # away from the checkout, whose .env could say something
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=pipe, env=values, cwd=tmp_path
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def stored(database: Database, telegram_chat_id: int = 7, **key: Any) -> list[Message]:
    """The live messages of a chat as the bot sees it, oldest first."""
    chat = await database.chats.find(**{"bot_id": BOT_ID, "telegram_chat_id": telegram_chat_id, **key})
    return (await database.messages.recent_in_chat(chat_id=chat.id))[::-1] if chat else []


@pytest.fixture
async def model_server() -> AsyncIterator[ModelServer]:
    """The model's server."""
    async with ModelServer.serve() as server:
        yield server


@pytest.fixture
async def model(model_server: ModelServer) -> AsyncIterator[Model]:
    """The model, by the key of that server."""
    async with open_model(ModelSettings(model_server.url, KEY, MODEL, "Be brief.", timeout_seconds=20)) as model:
        yield model
