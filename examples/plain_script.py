"""A script on the bot's database: pip install botcore, set DATABASE_URL, run it. It makes the schema, if need be."""

import asyncio
import os

from botcore import Database, migrations


async def main() -> None:
    url = os.environ["DATABASE_URL"]
    await migrations.upgrade(url)
    async with Database.connect(url) as db:
        user = await db.users.get_or_create(telegram_user_id=42, first_name="Ada")
        chat = await db.chats.get_or_create(bot_id=1, telegram_chat_id=42, type="private")
        await db.messages.add(chat_id=chat.id, user_id=user.id, role="user", content="Will it work?")
        for message in reversed(await db.messages.recent(chat_id=chat.id, user_id=user.id)):
            print(f"{message.id} {message.role}: {message.content}")


asyncio.run(main())
