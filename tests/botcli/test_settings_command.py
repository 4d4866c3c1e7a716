"""/settings and its buttons: the language that a person chooses for themselves."""

import json
from typing import Any

import pytest

from botcore import Database
from tests.botcli.bot_api import BotApi, refused
from tests.botcli.conftest import Feed
from tests.botcli.updates import ADA, ANONYMOUS, GROUP, US, message

BOB = {**ADA, "id": 8}


def press(data: str, sender: dict[str, Any] = ADA, **fields: Any) -> dict[str, Any]:
    """A press of a button of the bot's message."""
    shown = {"message": message("Language", sender=US, message_id=900)}
    return {"id": "1", "from": sender, "chat_instance": "2", "data": data, **shown, **fields}


def buttons(sent: dict[str, Any]) -> dict[str, str]:
    """The data of a message's buttons, by what stands on them."""
    [row] = json.loads(sent["reply_markup"])["inline_keyboard"]
    return {button["text"]: button["callback_data"] for button in row}


async def language(database: Database) -> str | None:
    """What Ada chose."""
    chosen = await database.preferences.get(telegram_user_id=7)
    return chosen.language if chosen else None


async def test_settings_by_buttons(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """The button's language is kept, shown in place of what was shown, and spoken from then on; and back."""
    await feed(message=message("/settings"))
    offered = buttons(bot_api.sent[0])

    await feed(callback_query=press(offered["Русский"]))
    russian = await language(database)
    await feed(message=message("/start"))
    await feed(callback_query=press(offered["as in Telegram"]))

    assert bot_api.sent[0]["text"].startswith("Language: as in Telegram\n")
    assert russian == "ru"
    assert bot_api.sent[1]["text"].startswith("Здравствуйте!")
    told = [call["text"] for call in bot_api.called("answerCallbackQuery")]
    edited = [call["text"] for call in bot_api.called("editMessageText")]
    assert told == edited == ["Язык: Русский", "Language: as in Telegram"]
    assert await language(database) is None


async def test_settings_pressed_again(
    feed: Feed, bot_api: BotApi, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """A press that comes again under another number changes nothing more, and is answered."""
    await feed(message=message("/settings"))
    pressed = press(buttons(bot_api.sent[0])["Русский"])
    bot_api.fail("editMessageText", refused(400, "Bad Request: message is not modified"))
    bot_api.fail("answerCallbackQuery", refused(400, "Bad Request: query is too old"))

    for number in (2, 3):
        await feed(update_id=number, callback_query=pressed)

    assert await language(database) == "ru"
    assert len(bot_api.called("answerCallbackQuery")) == len(bot_api.called("editMessageText")) == 2
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize(
    "fields",
    [
        {"message": {"chat": {"id": 7, "type": "private"}, "message_id": 900, "date": 0}},
        {"message": None, "inline_message_id": "3"},
    ],
    ids=["too old", "inline"],
)
async def test_settings_of_a_message_that_is_gone(
    feed: Feed, bot_api: BotApi, database: Database, fields: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The buttons of a message that cannot be edited any more work as well."""
    await feed(message=message("/settings"))

    pressed = press(buttons(bot_api.sent[0])["Русский"], **fields)
    await feed(callback_query={name: value for name, value in pressed.items() if value is not None})

    assert await language(database) == "ru"
    assert [call["text"] for call in bot_api.called("answerCallbackQuery")] == ["Язык: Русский"]
    assert bot_api.called("editMessageText") == []
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_settings_of_somebody_else(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """In a group the buttons are for who asked; others are told so, and nothing changes."""
    await feed(message=message("/settings", chat=GROUP))
    await feed(message=message("/start", sender=BOB))

    await feed(callback_query=press(buttons(bot_api.sent[0])["Русский"], sender=BOB))

    [told] = bot_api.called("answerCallbackQuery")
    assert told["text"].startswith("These buttons are somebody else's.")
    assert await language(database) is None
    assert await database.preferences.get(telegram_user_id=8) is None


async def test_settings_by_forged_data(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """What no button of ours sends changes nothing, and is answered, so that the client does not wait."""
    await feed(message=message("/start"))
    forged = (
        "language:7:de",
        "language:7:",
        "language:x:ru",
        "language:7:ru:more",
        "language",
        "other:7:ru",
        "\0\ud800",
    )

    for data in forged:
        await feed(callback_query=press(data))
    await feed(callback_query={name: value for name, value in press("").items() if name != "data"})

    told = {call["text"] for call in bot_api.called("answerCallbackQuery")}
    assert told == {"I do not know this button. /settings has those that there are."}
    assert len(bot_api.called("answerCallbackQuery")) == len(forged) + 1
    assert await database.preferences.get(telegram_user_id=7) is None


@pytest.mark.parametrize("gone", ["never stored", "opted out", "erased"])
async def test_settings_of_who_is_not_recorded(feed: Feed, bot_api: BotApi, database: Database, gone: str) -> None:
    """Of who is unknown, opted out or was erased nothing is kept, and they are told so."""
    if gone != "never stored":
        await feed(message=message("/settings"))
    if gone == "opted out":
        await database.users.opt_out(telegram_user_id=7)
    if gone == "erased":
        await database.users.erase(telegram_user_id=7)

    await feed(callback_query=press("language:7:ru"))

    [told] = bot_api.called("answerCallbackQuery")
    start = "I record nothing of you" if gone == "opted out" else "I keep nothing about you"
    assert told["text"].startswith(start)
    assert await database.preferences.get(telegram_user_id=7) is None


async def test_settings_in_words(feed: Feed, bot_api: BotApi) -> None:
    """Where there are no buttons, as in a terminal, the word chooses."""
    for word in ("RU", "auto", "de"):
        await feed(message=message(f"/settings {word}"))

    told = [sent["text"] for sent in bot_api.sent]
    assert told == [
        "Язык: Русский",
        "Language: as in Telegram",
        "Choose by a button or in words: /settings en, /settings ru, /settings auto",
    ]


async def test_settings_of_an_anonymous_admin(feed: Feed, bot_api: BotApi) -> None:
    """Who is no person has nothing to choose."""
    await feed(message=message("/settings", chat=GROUP, sender=ANONYMOUS, sender_chat=GROUP))

    assert bot_api.sent[0]["text"].startswith("I keep nothing")
