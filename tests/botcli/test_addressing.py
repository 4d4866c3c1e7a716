"""In a group the bot answers what is said to it, and keeps the rest."""

from typing import Any

import pytest
from aiogram import Bot
from aiogram.types import Message, User

from botcli.addressing import is_addressed
from botcore import Database
from tests.botcli.bot_api import BotApi
from tests.botcli.conftest import Feed, stored
from tests.botcli.updates import ASKED, GROUP, PHOTO, SENT_AT, US, message

TOPIC_ROOT = {"message_id": 5, "date": SENT_AT, "chat": GROUP, "from": US, "forum_topic_created": {"name": "A"}}
OTHER = {**US, "id": 43, "username": "our_bot_too"}

FORWARDED = {"type": "hidden_user", "sender_user_name": "Eve", "date": SENT_AT}


def entity(kind: str, offset: int, length: int, **fields: Any) -> dict[str, Any]:
    """An entity of a text, counted in UTF-16 units."""
    return {"type": kind, "offset": offset, "length": length, **fields}


def captioned(text: str, *entities: dict[str, Any]) -> dict[str, Any]:
    """A photo with a caption."""
    return {"text": None, "photo": PHOTO, "caption": text, "caption_entities": list(entities)}


def rich(text: str) -> dict[str, Any]:
    """A rich message of one paragraph."""
    return {"text": None, "rich_message": {"blocks": [{"type": "paragraph", "text": text}]}}


TO_THE_BOT: list[dict[str, Any]] = [
    {"reply_to_message": ASKED["reply_to_message"]},
    {"text": "@our_bot hi", "entities": [entity("mention", 0, 8)]},
    # counted in characters that would be "e @Our_B"
    {"text": "\U0001f600\U0001f600 see @Our_Bot", "entities": [entity("bold", 0, 4), entity("mention", 9, 8)]},
    {"text": "Bob, hi", "entities": [entity("text_mention", 0, 3, user=US)]},
    captioned("What is it, @our_bot?", entity("mention", 12, 8)),
    rich("Is it true, @our_bot?"),
    # the name that getMe tells
    {"text": "bot 42:canary-AAE_4vxQ7-secret, what is it?"},
    {"text": "What is it, Bot 42:canary-AAE_4vxQ7-secret?"},
]
TO_OTHERS: list[dict[str, Any]] = [
    {"text": "Hello"},
    {"text": "@our_bot_too hi", "entities": [entity("mention", 0, 12)]},
    # what only looks like one, as in code, and what was forged
    {"text": "@our_bot", "entities": [entity("code", 0, 8)]},
    {"text": "@our_bot", "entities": [entity("mention", *place) for place in ((9_999, 8), (-5, 2), (0, 7))]},
    {"text": "Bob, hi", "entities": [entity("text_mention", 0, 3, user=OTHER)]},
    {"reply_to_message": {**ASKED["reply_to_message"], "from": OTHER}},
    {"reply_to_message": {**ASKED["reply_to_message"], "chat": {**GROUP, "id": -1}}},
    # the bot made the topic: each message of it carries this
    {"reply_to_message": TOPIC_ROOT, "message_thread_id": 5, "is_topic_message": True},
    {"text": "The Bot 42:canary-AAE_4vxQ7-secret is slow today"},
    {"text": "/dance"},
    {"text": "/dance@our_bot"},
    {"text": "/dance", **ASKED},
    {"text": "@our_bot hi", "entities": [entity("mention", 0, 8)], "forward_origin": FORWARDED},
    {"text": "bot 42:canary-AAE_4vxQ7-secret, what is it?", "forward_origin": FORWARDED},
    {"text": "/new@our_bot_too"},
]


async def test_message_to_the_bot(feed: Feed, bot_api: BotApi) -> None:
    """A reply, a mention in the text or in the caption, or its name first or last is said to it."""
    unanswered = []
    for fields in TO_THE_BOT:
        before = len(bot_api.sent)
        await feed(message=message(**{"chat": GROUP, **fields}))
        if len(bot_api.sent) == before:
            unanswered.append(fields)

    assert unanswered == []


async def test_message_to_others(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """What is said to others or to nobody is stored and not answered, commands that it does not know among it."""
    for fields in TO_OTHERS:
        await feed(message=message(**{"chat": GROUP, **fields}))

    assert bot_api.sent == []
    assert len(await stored(database, GROUP["id"])) == len(TO_OTHERS)


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("Bot", "bot: hi", True),
        ("Bot", "Hi,\n\u00abBOT\u00bb!", True),
        ("Bot", "\U0001f600 Bot\U0001f600", True),
        ("Bot", "Bots, hi", False),
        ("Bot", "Bot-like, this", False),
        ("Bot", "A chat-bot", False),
        ("Bot", "Bot's slow", False),
        ("Dr. Bot \U0001f916", "dr bot, hi", True),
        ("\U0001f916\ufe0f", "Nice \U0001f916\ufe0f", False),
        ("A", "A cat", False),
        ("Al", "Hi, Al", True),
        ("बोती", "बोती, hi", True),
        ("बोत", "बोती, hi", False),
        ("", "Hi", False),
        ("", "", False),
    ],
)
async def test_is_addressed_by_name(bot: Bot, name: str, text: str, named: bool) -> None:  # noqa: FBT001
    """The whole name as words, whatever stands around them, and no name that everybody says all the time."""
    bot._me = User.model_validate({**US, "first_name": name})

    assert await is_addressed(Message.model_validate(message(text, chat=GROUP)), bot) == named


async def test_business_message_needs_no_address(feed: Feed, bot_api: BotApi) -> None:
    """In a business chat the customer speaks to the bot as in a private one."""
    await feed(business_message=message("Hi", business_connection_id="conn"))

    assert len(bot_api.sent) == 1


async def test_what_was_said_to_others_is_remembered(feed: Feed, bot_api: BotApi) -> None:
    """What the person said to others is in their dialogue when they ask."""
    await feed(message=message("To Bob", chat=GROUP))
    await feed(message=message("To the bot", **ASKED))

    await feed(message=message("/history", chat=GROUP))

    assert bot_api.sent[-1]["text"] == "You: To Bob\nYou: To the bot\nBot: To the bot"
