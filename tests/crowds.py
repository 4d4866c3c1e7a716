"""Many people who talk at the same moment."""

import asyncio

from botcore import Database, Message
from tests.factories import said


async def crowd(database: Database, chats: int = 20) -> list[Message]:
    """So many dialogues of one message each; afterwards the lines know that calls come together."""
    recorded = await asyncio.gather(*(said(database, telegram_user_id=n, telegram_message_id=1) for n in ids(chats)))
    return [each.message for each in recorded]


def ids(count: int) -> range:
    """Telegram ids of so many people."""
    return range(1, count + 1)
