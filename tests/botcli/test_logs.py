"""Nothing secret and nothing that somebody wrote stands in any log line."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from aiogram import Bot
from aiogram.exceptions import TelegramNetworkError
from aiogram.methods import GetUpdates

from botcore import Database, logs
from tests.botcli.bot_api import TOKEN, BotApi
from tests.botcli.conftest import Feed, all_done, at_work
from tests.botcli.updates import ADA, message

_SECRET = TOKEN.partition(":")[2]


@pytest.fixture(autouse=True)
def pipeline() -> Iterator[None]:
    """The log as `botcli run` has it, as JSON; what pytest had before, afterwards."""
    root, sql = logging.getLogger(), logging.getLogger("botcore.sql")
    handlers, levels = root.handlers[:], (root.level, sql.level)
    # force=True closes the handlers that it finds
    root.handlers.clear()
    logs.configure("DEBUG", "json", secrets=[_SECRET, ""])
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    sql.setLevel(levels[1])
    structlog.reset_defaults()


def test_line_with_a_secret(capsys: pytest.CaptureFixture[str]) -> None:
    """A secret is replaced wherever it got into a line: text, arguments, fields."""
    logging.getLogger("aiohttp").error(f"https://x/bot{TOKEN}/getMe %s", TOKEN, extra={"url": TOKEN})  # noqa: G004
    structlog.get_logger("x").error("told", url=TOKEN)

    lines = capsys.readouterr().err
    assert _SECRET not in lines
    assert lines.count("42:***") == 4


def test_line_with_an_exception_as_argument(capsys: pytest.CaptureFixture[str]) -> None:
    """Aiogram and the pool put exceptions into their messages: their classes stay, their texts do not."""
    error = TelegramNetworkError(method=GetUpdates(), message="private words")
    error.__cause__ = ConnectionRefusedError("private words")
    logging.getLogger("aiogram.dispatcher").error("Failed to fetch updates - %s: %s", type(error).__name__, error)

    line = json.loads(capsys.readouterr().err)
    assert line["event"].endswith("TelegramNetworkError: TelegramNetworkError from ConnectionRefusedError")


def test_line_with_a_mapping_as_argument(capsys: pytest.CaptureFixture[str]) -> None:
    """A message whose arguments are named is written as ever."""
    logging.getLogger("x").error("%(a)s", {"a": 1})

    assert json.loads(capsys.readouterr().err)["event"] == "1"


async def test_update_that_fails(
    bot: Bot, bot_api: BotApi, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failure is one line at ERROR: which update and chat, the error's class, and no word of the message."""
    sender = {**ADA, "id": 2**70, "first_name": "private name"}
    number = bot_api.deliver(message=message("private words", sender=sender))

    async with at_work(bot, database):
        await bot_api.confirmed()
        await all_done(database)

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    failed, aside = [line for line in lines if line["level"] == "error"]
    assert failed.items() >= {"event": "update failed", "update_id": number, "telegram_chat_id": 7}.items()
    assert failed["error"] == "botcore.errors.InvalidInput"
    assert aside["update_id"] == number
    assert "private" not in str(lines)


async def test_update_in_the_context(feed: Feed, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line of the handling says which update and chat, and no later line does."""
    await feed(82, message=message("private words"))
    logging.getLogger("x").warning("later")

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    queries = [line for line in lines if line["logger"] == "botcore.queries"]
    assert [line["query"].partition("/")[2] for line in queries] == ["record", "window", "add", "deliver"]
    assert {(line["update_id"], line["telegram_chat_id"]) for line in queries} == {(82, 7)}
    assert "update_id" not in lines[-1]
    assert "private words" not in str(lines)
