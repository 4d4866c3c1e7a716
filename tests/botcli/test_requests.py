"""What the bot does when a request fails: what certainly had no effect, and what is sent again."""

import re
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiogram import Bot
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramNetworkError,
    TelegramServerError,
)
from aiogram.methods import (
    AnswerWebAppQuery,
    DeleteMessage,
    GetMe,
    GetUpdates,
    SendChatAction,
    SendMessage,
    TelegramMethod,
)
from aiogram.types import InlineQueryResultArticle, InputTextMessageContent
from aiohttp import web

from botcli import requests, serving
from botcli.pacing import Pace, Pacing
from botcli.refusals import FollowMigration, NoteBlocked
from botcore import Database
from tests.botcli.bot_api import RESET, TOKEN, BotApi, broken, flood, migrated, refused

SEND = SendMessage(chat_id=7, text="private words")
_RESULT = InlineQueryResultArticle(id="1", title="a", input_message_content=InputTextMessageContent(message_text="a"))

# made for each answer anew
FAULTS: dict[str, Callable[[], web.Response | object]] = {
    "reset": lambda: RESET,
    "500": lambda: refused(500, "Internal"),
    "502 of a proxy": lambda: broken("<p>bad gateway</p>"),
    "no text": lambda: web.Response(body=b"\xff"),
}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "PAUSES_SECONDS", (0.01, 0.01, 0.01))


@pytest.fixture
def refusing_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def silent_port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port whose queue of connections is full, so that the next one hangs."""
    monkeypatch.setattr(requests, "CONNECT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(server.getsockname())
        yield int(server.getsockname()[1])
        for each in waiting:
            each.close()


async def failure(url: str, method: TelegramMethod[Any] = SEND) -> Exception:
    """How a request to this server ends."""
    async with serving.open_bot(TOKEN, url) as bot:
        with pytest.raises((TelegramAPIError, ClientDecodeError, UnicodeDecodeError)) as caught:
            await bot(method)
    return caught.value


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 413, 429])
async def test_had_no_effect_refused(bot_api: BotApi, status: int) -> None:
    """A refusal by the server means that it did nothing."""
    bot_api.fail("sendMessage", refused(status, "no"))

    assert requests.had_no_effect(await failure(bot_api.url))

    assert len(bot_api.called("sendMessage")) == 1


@pytest.mark.parametrize("fault", ["flood", "migrated"])
async def test_had_no_effect_told_elsewhere(bot_api: BotApi, fault: str) -> None:
    """Neither did a server that says when or where to send it."""
    bot_api.fail("sendMessage", flood(3_600) if fault == "flood" else migrated(-1005))

    assert requests.had_no_effect(await failure(bot_api.url))


@pytest.mark.parametrize("fault", FAULTS)
async def test_had_no_effect_unknown(bot_api: BotApi, fault: str) -> None:
    """After a reset, 5xx or garbage nobody knows; a message is not sent twice then."""
    bot_api.fail("sendMessage", FAULTS[fault]())

    assert not requests.had_no_effect(await failure(bot_api.url))

    assert len(bot_api.called("sendMessage")) == 1


async def test_had_no_effect_answer_too_late(bot_api: BotApi) -> None:
    """The server that does not answer in time may have done it."""
    bot_api.deliver(message={})
    method = GetUpdates(offset=1_000, timeout=5)

    async with serving.open_bot(TOKEN, bot_api.url) as bot:
        with pytest.raises(TelegramNetworkError) as caught:
            await bot(method, request_timeout=1)

    assert not requests.had_no_effect(caught.value)


async def test_had_no_effect_nobody_there(
    refusing_port: int, silent_port: int, bot_api: BotApi, caplog: pytest.LogCaptureFixture
) -> None:
    """A request that never went out had none: refused, unknown, hanging, no TLS; each was tried four times."""
    hosts = (f"http://127.0.0.1:{refusing_port}", "http://nobody.invalid", f"http://127.0.0.1:{silent_port}")

    for url in (*hosts, bot_api.url.replace("http:", "https:")):
        caplog.clear()
        assert requests.had_no_effect(await failure(url)), url
        assert caplog.messages == ["sending again"] * 3


def test_had_no_effect_of_something_else() -> None:
    """Of an error that is none of Telegram's nothing is certain."""
    assert not requests.had_no_effect(ValueError())


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    "method",
    [DeleteMessage(chat_id=7, message_id=3), GetMe(), SendChatAction(chat_id=7, action="typing")],
    ids=lambda method: type(method).__name__,
)
async def test_repeat(bot: Bot, bot_api: BotApi, method: TelegramMethod[Any], fault: str) -> None:
    """What may be done twice is sent again until it works."""
    name = method.__api_method__
    bot_api.fail(name, *[FAULTS[fault]() for _ in range(3)])

    assert await bot(method)

    assert len(bot_api.called(name)) == 4


async def test_repeat_in_vain(bot: Bot, bot_api: BotApi, caplog: pytest.LogCaptureFixture) -> None:
    """After four times the error is the caller's; the log says why it took so long, and no secret."""
    bot_api.fail("deleteMessage", *[refused(500, f"{TOKEN} private words") for _ in range(5)])

    with pytest.raises(TelegramServerError):
        await bot.delete_message(7, 3)

    assert len(bot_api.called("deleteMessage")) == 4
    lines = [str(record.__dict__) for record in caplog.records if "botcli" in record.name]
    assert len(lines) == 3
    assert "DeleteMessage" in lines[0]
    assert not re.search("canary|private", str(lines))


@pytest.mark.parametrize(
    "method",
    [GetUpdates(), AnswerWebAppQuery(web_app_query_id="1", result=_RESULT)],
    ids=lambda method: type(method).__name__,
)
async def test_repeat_by_somebody_else_or_never(bot: Bot, bot_api: BotApi, method: TelegramMethod[Any]) -> None:
    """Polling has a back-off of its own, and an answer that makes a message is not given twice."""
    bot_api.fail(method.__api_method__, RESET)

    with pytest.raises(TelegramNetworkError):
        await bot(method)

    assert len(bot_api.called(method.__api_method__)) == 1


@pytest.mark.parametrize("status", [400, 413])
async def test_repeat_refused(bot: Bot, bot_api: BotApi, status: int) -> None:
    """A refusal ends the repetitions: the message that is not there may have gone at the first time."""
    bot_api.fail("deleteMessage", RESET, refused(status, "Bad Request: message to delete not found"))

    with pytest.raises(TelegramAPIError):
        await bot.delete_message(7, 3)

    assert len(bot_api.called("deleteMessage")) == 2


async def test_use_in_order(bot: Bot, bot_api: BotApi) -> None:
    """The journal sees each request that goes out, and is not waited in: what is cancelled in a wait was not begun."""
    seen: list[bool] = []

    async def journal(make_request: Any, bot: Bot, method: Any) -> Any:
        try:
            return await make_request(bot, method)
        except TelegramAPIError as error:
            seen.append(requests.had_no_effect(error))
            raise

    requests.use(bot.session, journal=journal)
    bot_api.fail("deleteMessage", RESET, flood(1), RESET)

    await bot.delete_message(7, 3)

    assert seen == [False, True, False]
    assert len(bot_api.called("deleteMessage")) == 4


async def test_use_again(bot: Bot, database: Database) -> None:
    """What is put in later stands for what was there, not beside it."""
    requests.use(bot.session, database=database, pace=Pace())

    assert [each if each is requests.repeat else type(each) for each in bot.session.middleware] == [
        FollowMigration,
        NoteBlocked,
        Pacing,
        requests.repeat,
    ]
