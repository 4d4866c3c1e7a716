"""Two languages: the catalog is whole and fits the code, and each person is spoken to in theirs."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from aiogram import Bot
from babel.messages import Catalog, Message
from babel.messages.pofile import read_po

from botcli import languages
from botcli.bot import build_dispatcher
from botcli.languages import LANGUAGES, catalogs, known
from botcli.replies.model import Model
from botcore import Database
from tests.botcli.bot_api import BotApi
from tests.botcli.conftest import Feed
from tests.botcli.model_server import ModelServer, fails, says
from tests.botcli.updates import ADA, message

BOTCLI = Path(languages.__file__).parent
MARKS = {"_", "gettext", "ngettext", "later"}
RUSSIAN = {**ADA, "language_code": "ru"}


def said_in_the_code() -> set[str]:
    """What the sources of botcli mark for translation, the singular where there are two; inside f-strings, too."""
    nodes = (node for path in BOTCLI.rglob("*.py") for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    calls = (node for node in nodes if isinstance(node, ast.Call) and node.args)
    said = (call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id in MARKS)
    return {text.value for text in said if isinstance(text, ast.Constant) and isinstance(text.value, str)}


def catalog(language: str) -> Catalog:
    """The translations, as they are written."""
    with (BOTCLI / "locales" / language / "LC_MESSAGES" / "botcli.po").open("rb") as file:
        return read_po(file, locale=language)


def fields(text: str) -> set[str | None]:
    """The placeholders of a text with their formats: one that is missing or new would be an error when it is said."""
    return {f"{name}:{form}" for _, name, form, _ in string.Formatter().parse(text) if name is not None}


def texts(said: Message) -> Iterator[str]:
    """Every form of a translation."""
    yield from (said.string,) if isinstance(said.string, str) else said.string or ()


@pytest.mark.parametrize("language", sorted(LANGUAGES.keys() - {languages.SOURCE}))
def test_catalog_has_what_is_said_and_nothing_else(language: str) -> None:
    """A sentence without a translation, or one that nobody says any more, is named here."""
    translated = {each.id if isinstance(each.id, str) else each.id[0]: each for each in catalog(language) if each.id}

    assert sorted(said_in_the_code() ^ translated.keys()) == []
    assert [name for name, each in translated.items() if each.fuzzy or not all(texts(each))] == []


@pytest.mark.parametrize("language", sorted(LANGUAGES.keys() - {languages.SOURCE}))
def test_catalog_agrees_with_the_code(language: str) -> None:
    """Every form has the placeholders of the sentence, and each number its form."""
    number_of_forms = catalog(language).num_plurals
    wrong = []
    for each in catalog(language):
        ids = (each.id,) if isinstance(each.id, str) else each.id
        forms = tuple(texts(each))
        if each.id and ({*map(frozenset, map(fields, forms))} != {frozenset(fields(text)) for text in ids}):
            wrong.append(ids[0])
        if each.id and len(forms) != (number_of_forms if len(ids) > 1 else 1):
            wrong.append(ids[0])

    assert wrong == []


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0 сообщений"), (1, "1 сообщение"), (3, "3 сообщения"), (11, "11 сообщений"), (22, "22 сообщения")],
)
def test_plural_forms_of_russian(count: int, expected: str) -> None:
    """All three forms are said where the language has them."""
    one, many = (f"A new dialogue. The one before had {{count}} message{end}." for end in ("", "s"))

    assert expected in catalogs().gettext(one, many, count, locale="ru").format(count=count)


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("ru", "ru"),
        ("ru-RU", "ru"),
        ("RU_ru", "ru"),
        ("en-GB", "en"),
        ("de", "en"),
        ("", "en"),
        (None, "en"),
        ("-", "en"),
    ],
)
def test_known_of_a_tag(tag: str | None, language: str) -> None:
    """The language that was written of a tag, English for all else."""
    assert known(tag) == language


async def test_command_in_the_language_of_telegram(feed: Feed, bot_api: BotApi) -> None:
    """Who chose nothing is answered in Telegram's language if it is written, in English else."""
    for code in ("ru", "de", None):
        sender = {name: value for name, value in {**ADA, "language_code": code}.items() if value is not None}
        await feed(message=message("/start", sender=sender))

    assert [sent["text"].split()[0] for sent in bot_api.sent] == ["Здравствуйте!", "Hello!", "Hello!"]


async def test_command_in_russian(feed: Feed, bot_api: BotApi) -> None:
    """No command says a word of English to who speaks Russian, but for names."""
    await feed(message=message("Привет", sender=RUSSIAN))

    for text in ("/help", "/history", "/stats", "/undo", "/new", "/privacy", "/settings", "/forget", "/x", "/search"):
        await feed(message=message(text, sender=RUSSIAN))

    words = " ".join(sent["text"] for sent in bot_api.sent).split()
    english = {word for word in words if word.isascii() and word.isalpha()}
    assert english <= {"UTC", "Telegram", "auto", "off", "on", "yes"}


async def test_failure_in_russian(
    bot: Bot, bot_api: BotApi, database: Database, model: Model, model_server: ModelServer
) -> None:
    """Why there is no answer, or not all of one, is said in the language that the person chose."""
    dispatcher = build_dispatcher(database, model, daily_tokens=1)
    model_server.behaves(fails(429, retry_after="7"), says("Да", finish_reason="length"))

    for text in ("/settings ru", "Привет", "/retry", "Ещё"):
        await dispatcher.feed_raw_update(bot, {"update_id": 1, "message": message(text)})

    busy, partial, used_up = (sent["text"] for sent in bot_api.sent[1:])
    assert "подождать 7" in busy
    assert busy.endswith("/retry спросит ещё раз.")
    assert partial.startswith("Да\n\n")
    assert len(partial.split()) > 5
    assert used_up.startswith("Это всё, ")


async def test_answer_asks_for_no_language(feed: Feed, bot_api: BotApi, connection: psycopg.Connection) -> None:
    """An ordinary turn reads no preferences: they are asked for where the bot says something of its own."""
    await feed(message=message("/start"))
    connection.execute("DROP TABLE preferences, throttles")
    connection.commit()

    await feed(message=message("Hello"))

    assert bot_api.sent[-1]["text"] == "Hello"
