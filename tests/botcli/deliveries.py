"""What the tests of the delivery share: a replier that tells what it was asked, and what a crash leaves."""

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg
from aiogram.types import Message as Event

from botcli.incoming import incoming
from botcli.replies import Reply
from botcore import Database, Message, Update
from tests.botcli.bot_api import BOT_ID
from tests.botcli.updates import PRIVATE, message


class Model:
    """A replier that tells what it was asked, and raises or waits where a test wants it to."""

    def __init__(self, *, seconds: float = 0.0) -> None:
        self.asked: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.begun = asyncio.Event()
        self._seconds = seconds

    async def reply(self, window: Sequence[Message], *_: object) -> Reply:
        """The newest message in capitals."""
        text = window[-1].content
        self.asked.append(text)
        self.begun.set()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self._seconds)
        self.at_once -= 1
        if text == "poison":
            raise ValueError(text)
        return Reply(text.upper())


def said(text: str, chat: int = 7, **changes: Any) -> dict[str, Any]:
    """A message of the person whose private chat that is."""
    sender = {"id": chat, "is_bot": False, "first_name": "Ada"}
    return message(text, chat={**PRIVATE, "id": chat}, sender=sender, **changes)


async def left_by_a_crash(
    database: Database, connection: psycopg.Connection, *, sends: int = 0, text: str = "Hello", reply: str = "HELLO"
) -> Update:
    """An update that a worker had in work when it vanished, so many sends begun, of a reply stored before."""
    event = said(text)
    raw = {"update_id": 1, "message": event}
    [update] = await database.updates.add(bot_id=BOT_ID, updates=[raw], worker="dead", capacity=1)
    if sends:
        asked = (await database.messages.record(**incoming(BOT_ID, Event.model_validate(event)))).message
        await database.messages.add(
            chat_id=asked.chat_id,
            user_id=asked.user_id,
            role="assistant",
            content=reply,
            reply_to_id=asked.id,
            delivery="pending",
        )
    await database.updates.note_sends(bot_id=BOT_ID, update_id=1, worker="dead", sends=sends)
    connection.execute("UPDATE updates SET due_at = now()")
    return update


async def put_off(database: Database) -> list[Update]:
    """The updates that wait for another attempt, once there are any."""
    while True:
        if waiting := [each for each in await database.updates.page(state="pending") if each.attempts]:
            return waiting
        await asyncio.sleep(0.01)
