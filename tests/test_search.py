"""Searching messages: words, rank, filters, pages, and nothing that is deleted or of another chat."""

import re
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from botcore import Database, Found, InvalidInput, Message
from tests.factories import SENT_AT, person, said


async def say(database: Database, *contents: str, **changes: Any) -> Message:
    """Stores messages, the last of which is returned; none has an id of Telegram's."""
    for content in contents:
        recorded = await said(database, content=content, **{"telegram_message_id": None, **changes})
    return recorded.message


def texts(found: list[Found]) -> list[str]:
    """What the messages found say, in their order."""
    return [each.message.content for each in found]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("red", ["red fox", "Red dog, old"]),
        ('"old red"', []),
        ('"red fox"', ["red fox"]),
        ("«red fox»", ["red fox"]),
        ("red -fox", ["Red dog, old"]),
        ("fox OR dog", ["red fox", "Red dog, old"]),
        ("re", []),
        ("ПРИВЕТ", ["Привет👋, «мир»…"]),
        ("мир", ["Привет👋, «мир»…"]),
        ("o’hara", ["O'Hara"]),  # noqa: RUF001 - as telephones write it
        ("", []),
        (" ", []),
        ("!?", []),
        ("👋", []),
        ("C1", []),
        ("B0 OR U1", []),
    ],
)
async def test_search_for_words(database: Database, query: str, expected: list[str]) -> None:
    """Words are found in any case, next to emoji and quotes, with phrase, OR and minus; marks and no words are not."""
    await say(database, "red fox", "Red dog, old", "Привет👋, «мир»…", "O'Hara")

    assert sorted(texts(await database.messages.search(query=query))) == sorted(expected)


@pytest.mark.parametrize(
    "query",
    [
        "fox:*",
        "fox & ! | (",
        "'",
        "''; DROP TABLE messages; --",
        "\\",
        "fox:A*",
        '"',
        "-",
        "-" * 4_096,
        "- " * 2_048,
        "%s :'query' $1",
        "a" * 4_096,
    ],
)
async def test_search_for_what_looks_like_code(database: Database, query: str) -> None:
    """No text is a syntax error or a prefix search, and none of it reaches SQL."""
    await say(database, "foxes")

    assert await database.messages.search(query=query) == []
    assert await database.messages.search(query="foxes")


async def test_search_ranks(database: Database) -> None:
    """The best match comes first, of equal ones the newest; `newest` goes by id alone."""
    await say(database, "fox fox fox", "a fox", "the fox")

    best = await database.messages.search(query="fox")
    newest = await database.messages.search(query="fox", order="newest")

    assert texts(best) == ["fox fox fox", "the fox", "a fox"]
    assert best[0].rank > best[1].rank == best[2].rank > 0
    assert texts(newest) == ["the fox", "a fox", "fox fox fox"]


async def test_search_filters(database: Database) -> None:
    """Chat, person, role and time narrow the search, and a search in one chat shows no other chat's messages."""
    ada = await say(database, "fox one")
    bob = await say(database, "fox two", telegram_user_id=8, role="assistant", sent_at=SENT_AT + timedelta(days=1))
    narrowings: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"chat_id": ada.chat_id}, {"chat_id": bob.chat_id}),
        ({"user_id": person(ada)}, {"user_id": person(bob)}),
        ({"role": "user"}, {"role": "assistant"}),
        ({"until": bob.sent_at}, {"since": bob.sent_at}),
        ({"chat_id": ada.chat_id, "user_id": person(ada)}, {"chat_id": bob.chat_id, "user_id": person(bob)}),
    ]

    for of_ada, of_bob in narrowings:
        assert texts(await database.messages.search(query="fox", **of_ada)) == ["fox one"]
        assert texts(await database.messages.search(query="fox", **of_bob)) == ["fox two"]
    assert await database.messages.search(query="fox", chat_id=ada.chat_id, user_id=person(bob)) == []
    assert await database.messages.search(query="two OR -one", chat_id=ada.chat_id) == []


@pytest.mark.parametrize("order", ["rank", "newest"])
async def test_search_pages(database: Database, order: Any) -> None:
    """Page after page gives every match once, in one order, while new messages arrive."""
    for number in range(12):
        await say(database, "fox " * (1 + number % 3) + str(number))
    whole = await database.messages.search(query="fox", order=order)

    paged = await database.messages.search(query="fox", order=order, page_size=5)
    while page := await database.messages.search(query="fox", order=order, page_size=5, after=paged[-1]):
        await say(database, "fox fox fox fox")
        paged += page

    assert len(whole) == 12
    assert paged == whole or (order == "rank" and [found for found in paged if found in whole] == whole)


async def test_search_in_old_and_new_parts(database: Database, database_url: str) -> None:
    """Matches of all ages are found newest first, beyond the buckets of ids that are read first."""
    first = await say(database, "fox first")
    for distance in (9_000, 40_000, 140_000):
        await skip_ids(database_url, distance)
        last = await say(database, f"fox {distance}")

    found = await database.messages.search(query="fox", order="newest")
    older = await database.messages.search(query="fox", order="newest", after=found[0])

    assert texts(found) == ["fox 140000", "fox 40000", "fox 9000", "fox first"]
    assert found[1:] == older
    assert await database.messages.search(query="fox", chat_id=first.chat_id, order="newest") == found
    assert last.id > 180_000
    assert sorted(texts(await database.messages.search(query="fox"))) == sorted(texts(found))


async def skip_ids(url: str, distance: int) -> None:
    """Burns ids, as a busy database would use them."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(
            "SELECT setval('messages_id_seq', (SELECT last_value FROM messages_id_seq) + %s)", [distance]
        )


async def test_search_sees_nothing_deleted(database: Database) -> None:
    """A deleted message, person or chat is not found, and is again once restored."""
    message = await say(database, "fox")
    key = {"chat_id": message.chat_id, "message_id": message.id}

    for repository, arguments in (
        (database.messages, key),
        (database.users, {"user_id": message.user_id}),
        (database.chats, {"chat_id": message.chat_id}),
    ):
        await repository.delete(**arguments)
        assert await database.messages.search(query="fox") == []
        await repository.restore(**arguments)
        assert texts(await database.messages.search(query="fox")) == ["fox"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("query", "a" * 4_097),
        ("query", "\0"),
        ("query", None),
        ("order", "best"),
        ("chat_id", None),
        ("user_id", None),
        ("page_size", 0),
        ("page_size", 1_001),
        ("since", SENT_AT.replace(tzinfo=None)),
    ],
)
async def test_search_refuses_a_bad_value(database: Database, field: str, value: Any) -> None:
    """The error names the field; None is no chat or person, so that a missing id never searches everywhere."""
    with pytest.raises(InvalidInput) as refused:
        await database.messages.search(**{"query": "fox", field: value})

    assert refused.value.field == field


async def test_search_takes_messages_of_any_size(database: Database) -> None:
    """A text that no tsvector holds is stored, and found by what it begins with."""
    message = await say(database, "fox " + " ".join(f"слово{number}" for number in range(200_000)) + " end")
    await say(database, "b" * 100_000)

    assert [found.message.id for found in await database.messages.search(query="fox")] == [message.id]
    assert await database.messages.search(query="end") == []


@pytest.mark.parametrize("length", [0, 1, 253, 254, 255, 256, 510, 8_191, 8_192, 8_193, 20_000])
@pytest.mark.parametrize("unit", ["x", "я", "…", "«", "x ", "😀y"])
def test_what_search_reads_of_a_text_of_any_length(connection: psycopg.Connection, unit: str, length: int) -> None:
    """The first 8,192 characters, signs as spaces, and a space after each run of 255, however it is computed."""
    text = (unit * length)[:length]
    signs = "[\u00ab\u00bb\u2000-\u2bff\u3000-\u303f\ufe00-\ufe0f\U0001f000-\U0001faff]+"

    found = connection.execute("SELECT message_text(%s::text)", [text]).fetchone()

    assert found == (re.sub(r"(\S{255})", r"\1 ", re.sub(signs, " ", text[:8_192])),)


async def test_search_logs_no_words(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """What is searched for and found stays out of the log and of the result's repr."""
    await say(database, "secretfox")

    with caplog.at_level("DEBUG"):
        found = await database.messages.search(query="secretfox")

    assert len(found) == 1
    assert "secretfox" not in caplog.text + repr(found)


@pytest.mark.parametrize("run", ["A@1", "a_", "~/", "<!--"])
async def test_search_among_texts_without_a_space(database_url: str, run: str) -> None:
    """A text that keeps the server's parser busy is stored and searched in under a second, whatever its length."""
    name = conninfo_to_dict(database_url)["dbname"]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET statement_timeout = '1s'")

    async with Database.connect(database_url) as database:
        await say(database, run * 20_000, "zebra")

        assert texts(await database.messages.search(query="zebra")) == ["zebra"]
