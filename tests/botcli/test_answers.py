"""How much work a long answer may make: the process has others to answer meanwhile."""

import threading

from aiogram import Bot

from botcli.bot import build_dispatcher
from botcli.rendering import Part, plain
from botcli.replies.model import Model
from botcli.showing import Showing
from botcore import Database
from tests.botcli.bot_api import BotApi
from tests.botcli.model_server import DONE, ModelServer, part, streams
from tests.botcli.updates import message


async def test_answer_that_is_long(
    bot: Bot, bot_api: BotApi, database: Database, model: Model, model_server: ModelServer
) -> None:
    """Only its end is rendered while it is made, and all of it in a thread; a short one needs none."""
    long = "Once upon a time\n\n" * 1_500
    model_server.behaves(
        streams(*[each for at in range(0, len(long), 3_000) for each in (part(long[at : at + 3_000]), 0.03)], DONE),
        streams(part("Once"), DONE),
    )
    rendered: list[tuple[int, bool]] = []

    def render(text: str) -> list[Part]:
        rendered.append((len(text), threading.current_thread() is threading.main_thread()))
        return plain(text)

    dispatcher = build_dispatcher(database, model, showing=Showing(0.02, render))
    await dispatcher.feed_raw_update(bot, {"update_id": 1, "message": message()})
    *meanwhile, whole = rendered
    await dispatcher.feed_raw_update(bot, {"update_id": 2, "message": message()})

    assert len(meanwhile) > 3
    assert all(length < 8_000 and is_in_loop for length, is_in_loop in meanwhile)
    assert whole == (len(long.strip()), False)
    assert rendered[-1] == (len("Once"), True)
    assert bot_api.called("sendMessageDraft")[-1]["text"].startswith("Once upon")
