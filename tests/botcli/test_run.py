"""`botcli run`: a real process, or the real polling, against our own Bot API server over HTTP."""

import asyncio
import json
import time

import pytest
from aiogram import Bot

from botcli import serving
from botcli.replies import Reply
from botcore import BotcoreError, Database, InvalidInput
from tests.botcli.bot_api import RESET, TOKEN, BotApi, broken, flood
from tests.botcli.conftest import Start, at_work, stored
from tests.botcli.updates import message

_SECRET = TOKEN.partition(":")[2]


async def test_run_until_sigterm(bot_api: BotApi, database: Database, start: Start) -> None:
    """The bot answers through a server that fails in between, stores both sides, stops at once, and tells no secret."""
    update = message("private words")
    bot_api.fail("getUpdates", broken(f"<p>no /bot{TOKEN}/getUpdates, private words</p>"))

    process = await start("run", LOG_LEVEL="DEBUG")
    bot_api.deliver(message=update)
    await bot_api.replies(1)
    bot_api.deliver(message=update)
    bot_api.deliver(message=message("/help"))
    await bot_api.replies(2)
    await bot_api.confirmed()
    stopped = time.monotonic()
    process.terminate()
    output, log = await process.communicate()

    assert process.returncode == 0
    assert time.monotonic() - stopped < 5
    assert [sent["text"][:13] for sent in bot_api.sent] == ["private words", "/start - say "]
    assert [m.role for m in await stored(database)] == ["user", "assistant"]
    assert {json.loads(call["commands"])[0]["command"] for call in bot_api.called("setMyCommands")} == {"start", "help"}
    allowed = json.loads(bot_api.called("getUpdates")[0]["allowed_updates"])
    kinds = {"message", "business_message", "channel_post"}
    assert set(allowed) == kinds | {f"edited_{kind}" for kind in kinds} | {
        "callback_query",
        "deleted_business_messages",
        "my_chat_member",
        "stopped_message_generation",
    }
    assert output == b""
    lines = [json.loads(line) for line in log.decode().splitlines()]
    assert sum("no updates from Telegram" in line["event"] for line in lines) == 1
    assert _SECRET not in log.decode()
    assert "private words" not in log.decode()


@pytest.mark.slow
async def test_run_killed_before_the_confirmation(bot: Bot, bot_api: BotApi, database: Database, start: Start) -> None:
    """After kill -9 the same update comes again: it is stored once and answered once."""
    bot_api.deliver(message=message())
    process = await start("run")
    await bot_api.replies(1)
    bot_api.fail("getUpdates", *[RESET] * 100)
    async with asyncio.timeout(10):
        while len(await stored(database)) < 2:
            pass
    process.kill()
    await process.wait()
    bot_api.heal()

    async with at_work(bot, database):
        await bot_api.confirmed()

    assert len(bot_api.sent) == 1
    assert len(await stored(database)) == 2


async def test_run_without_token(start: Start) -> None:
    """A missing token is one line that says what to do, and wrong usage."""
    process = await start("run", BOT_TOKEN=None)
    output, log = await process.communicate()

    assert (process.returncode, output) == (2, b"")
    assert log.decode() == "botcli: BOT_TOKEN: is not set; @BotFather on Telegram gives one\n"


async def test_run_with_a_wrong_token(start: Start) -> None:
    """A token that the server refuses is one line, which does not show it, and wrong usage: nobody starts it again."""
    process = await start("run", BOT_TOKEN="43:canary-wrong")  # noqa: S106 - a canary
    output, log = await process.communicate()

    assert (process.returncode, output) == (2, b"")
    assert log.decode().endswith("refuses it: it is wrong or was revoked\n")
    assert log.count(b"\n") == 1
    assert b"canary" not in log


@pytest.mark.parametrize("token", ["canary", ":canary", "canary:1", "1:can ary", "1:", ""])
def test_open_bot_with_a_malformed_token(token: str) -> None:
    """A token of another form is refused without asking anybody, and not shown."""
    with pytest.raises(InvalidInput, match="malformed") as caught:
        serving.open_bot(token, "http://127.0.0.1:9")

    assert "can" not in str(caught.value).replace("can be", "")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://user:canary@127.0.0.1:9", "Bot API at 127.0.0.1:9: ClientConnectorError"),
        ("nonsense", "Bot API at TELEGRAM_API_URL: InvalidUrlClientError"),
    ],
)
async def test_introduce_to_nobody(url: str, reason: str) -> None:
    """A server that is not there is named, with the error's class."""
    async with serving.open_bot(TOKEN, url) as bot:
        with pytest.raises(BotcoreError) as caught:
            await serving.introduce(bot)

    assert str(caught.value).endswith(reason)
    assert "canary" not in str(caught.value)


async def test_serve_through_faults(bot: Bot, bot_api: BotApi, database: Database) -> None:
    """A 429 is waited for; a reset of getUpdates costs time, not messages."""
    bot_api.fail("getUpdates", RESET)
    bot_api.fail("sendMessage", flood(1))
    bot_api.deliver(message=message("One"))
    bot_api.deliver(message=message("Two"))

    async with at_work(bot, database):
        await bot_api.replies(2)
        await bot_api.confirmed()

    assert [sent["text"] for sent in bot_api.sent] == ["One", "Two"]
    assert len(bot_api.called("sendMessage")) == 3
    assert [m.content for m in await stored(database)] == ["One", "One", "Two", "Two"]


async def test_serve_stopped_in_work(bot: Bot, bot_api: BotApi, database: Database) -> None:
    """What is in work when the bot is stopped is answered before the end; what comes after waits for the next start."""
    started = asyncio.Event()

    class Slow:
        async def reply(self, *_: object) -> Reply:
            started.set()
            await asyncio.sleep(0.5)
            return Reply("Late")

    bot_api.deliver(message=message("One"))
    bot_api.deliver(message=message("Two"))

    async with at_work(bot, database, Slow()):
        await started.wait()

    assert [m.content for m in await stored(database)] == ["One", "Late"]
    assert [sent["text"] for sent in bot_api.sent] == ["Late"]
    [waiting] = await database.updates.page(state="pending")
    assert waiting.attempts == 0
    assert await database.updates.page(state="running") == []


async def test_serve_stopped_in_endless_work(bot: Bot, bot_api: BotApi, database: Database) -> None:
    """Work that takes longer than the grace time is cancelled, given back, and done by the next start."""
    cancelled, started = asyncio.Event(), asyncio.Event()

    class Endless:
        async def reply(self, *_: object) -> Reply:
            started.set()
            try:
                await asyncio.sleep(3_600)
            except asyncio.CancelledError:
                cancelled.set()
                raise
            return Reply("")

    bot_api.deliver(message=message())

    async with asyncio.timeout(10):
        async with at_work(bot, database, Endless(), grace_seconds=0.1):
            await started.wait()
        assert cancelled.is_set()
        [waiting] = await database.updates.page(state="pending")
        assert (waiting.attempts, waiting.failures) == (1, 0)
        async with at_work(bot, database):
            await bot_api.replies(1)

    assert [m.role for m in await stored(database)] == ["user", "assistant"]
