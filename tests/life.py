"""What the life cycle's test draws, reads and compares."""

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import asdict
from random import Random
from typing import Any, TypeVar

from hypothesis import strategies as st

import botcore
from botcore import Database
from tests.model import Model
from tests.model_rows import Chat, Message, Person, Text

Parent = TypeVar("Parent", Person, Chat)
Values = dict[str, Any]
Date = tuple[str, int]
Call = Coroutine[Any, Any, Any]
Read = tuple[Any, Call]

GROUP, SUPERGROUP = -5, -1005
PLACES = [(GROUP, "", "group"), (SUPERGROUP, "", "supergroup"), (11, "", "private"), (11, "b1", "private")]
KEYS = [(1, *place[:2]) for place in PLACES] + [(2, GROUP, ""), (2, SUPERGROUP, "")]


def text(content: str) -> Values:
    """What an edit changes: the kind goes with the text."""
    return {"content": content, "kind": "text" if content else "photo"}


# few of each, so that they meet
bots = st.sampled_from([1, 1, 2])
telegram_user_ids = st.sampled_from([11, 12])
threads = st.sampled_from([0, 0, 4])
roles = st.sampled_from(["user", "user", "assistant", "system"])
numbers = st.none() | st.integers(1, 5)
chat_types = st.sampled_from(["", "", "private", "group", "supergroup"])
some_numbers = st.lists(st.integers(1, 20), max_size=9)
dates = st.tuples(st.sampled_from(["long ago", "now", "to come"]), st.integers(1, 2))
contents = st.just("") | st.builds(
    lambda word, length: f"every {word} {'x' * length}", st.sampled_from(["apple", "pear"]), st.integers(1, 9)
)
names = st.sampled_from(["Ada", "Bob"]).map(
    lambda first_name: {"username": None, "first_name": first_name, "last_name": None, "language_code": None}
)
people = st.builds(
    lambda telegram_user_id, names: {"telegram_user_id": telegram_user_id} | names, st.none() | telegram_user_ids, names
)
chats = st.builds(
    lambda place, title: (
        dict(zip(("telegram_chat_id", "business_connection_id", "chat_type"), place, strict=True))
        | {"chat_title": title}
    ),
    st.sampled_from(PLACES[:2] + PLACES),
    st.sampled_from([None, "Engine", "Loom"]),
)
additions = st.fixed_dictionaries(
    {"role": roles, "content": contents, "message_thread_id": threads, "telegram_message_id": numbers}
)
deliveries = st.builds(
    lambda person, chat, content, rest: person | chat | text(content) | rest,
    people,
    chats,
    contents,
    st.fixed_dictionaries(
        {
            "bot_id": bots,
            "role": roles,
            "message_thread_id": threads,
            "telegram_message_id": numbers,
            "reply_to_message_id": numbers,
        }
    ),
)

# which of the rows that there are
picks = st.integers(0, 99)
tables = st.sampled_from(["chats", "users", "messages"])
either = st.booleans()
DELETED: list[list[int]] = [[], [], [GROUP], [GROUP, SUPERGROUP]]
# the first eight twice as often
EVENTS: list[tuple[str, dict[str, st.SearchStrategy[Any]]]] = [
    ("deliver_anything", {"said": deliveries, "sent": dates, "edited": st.none() | dates}),
    ("deliver_another_text", {"pick": picks, "edited": st.none() | dates, "content": contents}),
    ("deliver_edit_of_nothing", {"pick": picks, "number": st.integers(6, 20), "edited": dates, "table": tables}),
    ("deliver_again", {"pick": picks}),
    ("add", {"chat": picks, "person": picks, "values": additions, "sent": st.none() | dates, "is_late": either}),
    ("delete", {"table": tables, "pick": picks}),
    ("restore", {"table": tables, "pick": picks}),
    ("restore_what_fell", {"table": st.sampled_from(["chats", "users"]), "pick": picks}),
    ("opt", {"telegram_user_id": telegram_user_ids, "call": st.sampled_from(["opt_out", "opt_in"])}),
    ("migrate", {"bot_id": bots, "deleted": st.sampled_from(DELETED)}),
    ("delete_many", {"bot_id": bots, "connection": st.sampled_from(["", "b1"]), "numbers": some_numbers}),
    ("clear", {"pick": picks}),
    ("purge", {"before": dates, "scope": st.sampled_from(["all", "hidden", "hidden"]), "chat_type": chat_types}),
    ("erase", {"telegram_user_id": telegram_user_ids}),
    ("get_or_create", {"said": deliveries}),
]


def only(said: Values, *names: str) -> Values:
    """These values of a delivery."""
    return {name: said[name] for name in names}


def dialogue(message: Message) -> Values:
    """The key of the dialogue that a message belongs to."""
    thread = message.fields["message_thread_id"]
    return {"chat_id": message.chat.id, "user_id": message.person and message.person.id, "message_thread_id": thread}


def name(call: Call) -> str:
    """The method that is called."""
    return str(getattr(call, "__qualname__", call))


UNWRAPPED: dict[type, Callable[[Any], Any]] = {
    botcore.Recorded: lambda recorded: [recorded.message, recorded.is_new],
    botcore.Spoken: lambda spoken: [spoken.message, spoken.speaker],
    botcore.Receipt: lambda receipt: [receipt.users, receipt.chats, receipt.messages],
    botcore.Purged: lambda batch: batch.purged,
}


def plain(value: Any) -> Any:
    """A result to compare, the database's or the model's: rows without the database's times, but whether deleted."""
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, (Person, Chat, Message)):
        return value.seen()
    if unwrap := UNWRAPPED.get(type(value)):
        return plain(unwrap(value))
    if isinstance(value, (botcore.User, botcore.Chat, botcore.Message)):
        times = {"created_at", "updated_at", "blocked_at", "deleted_at"}
        row = {name: each for name, each in asdict(value).items() if name not in times}
        return row | {"deleted": value.deleted_at is not None}
    return value


def adopt(expected: Any, result: Any) -> None:
    """Gives the model's new rows what only the database can know: their ids, and the time of what was sent just now."""
    if isinstance(expected, tuple) and isinstance(result, botcore.Recorded):
        expected, result = expected[0], result.message
    if isinstance(expected, Message) and isinstance(result, botcore.Message):
        expected.id = expected.id or result.id
        expected.chat.id = expected.chat.id or result.chat_id
        expected.fields["sent_at"] = expected.fields["sent_at"] or result.sent_at
        if expected.person:
            expected.person.id = expected.person.id or result.user_id or 0
    elif isinstance(expected, (Person, Chat)) and isinstance(result, (botcore.User, botcore.Chat)):
        expected.id = expected.id or result.id


def reads(model: Model, database: Database, random: Random) -> Iterator[Read]:
    """What reads should give, each beside its call: of all messages, of one of them, and some of the others."""
    # each message with a text has this word
    yield model.search("every"), found(database, "every")
    for some in random.sample([_pages, _figures, _person, _chat, _chat], 2):
        yield from some(model, database, random)
    if model.messages:
        # the newest is the likeliest to have changed
        message = model.messages[-1 - random.randrange(min(len(model.messages), random.choice([1, 3, 99])))]
        yield _live(message), database.messages.get(**message.ids())
        yield [] if message.deleted else message.versions(), versions(database, message.ids())
        yield from _dialogue(model, database, random, message)


async def found(database: Database, word: str, chat_id: int = 0, user_id: int = 0) -> list[botcore.Message]:
    """The messages that a search for a word finds, newest first."""
    results = await database.messages.search(
        query=word, order="newest", page_size=1000, chat_id=chat_id, user_id=user_id
    )
    assert all(result.rank == 0 for result in results)
    return [result.message for result in results]


async def versions(database: Database, key: Values) -> list[Text]:
    """What a message said, since when."""
    return [(version.edited_at, version.content) for version in await database.messages.versions(**key)]


def _pages(model: Model, database: Database, random: Random) -> Iterator[Read]:
    size = random.choice([1, 100])
    people, chats = _in_order(model.people), _in_order(model.chats)
    after = random.choice([0, *(person.id for person in people)])
    yield [each for each in people if each.id > after][:size], database.users.page(after_id=after, page_size=size)
    after = random.choice([0, *(chat.id for chat in chats)])
    yield [each for each in chats if each.id > after][:size], database.chats.page(after_id=after, page_size=size)


def _figures(model: Model, database: Database, random: Random) -> Iterator[Read]:
    bot_id = random.choice([1, 1, 2])
    yield model.totals(model.live_of(bot_id)), database.stats.totals(bot_id=bot_id)
    chat, person = random.choice([None, *_in_order(model.chats)]), random.choice([None, *_in_order(model.people)])
    word, filters = random.choice(["apple", "pear"]), (chat.id if chat else 0, person.id if person else 0)
    yield model.search(word, chat, person), found(database, word, *filters)


def _person(model: Model, database: Database, random: Random) -> Iterator[Read]:
    telegram_user_id = random.choice([11, 12])
    person = model.person_of(telegram_user_id)
    yield _live(person), database.users.find(telegram_user_id=telegram_user_id)
    yield telegram_user_id in model.opted_out, database.users.opted_out(telegram_user_id=telegram_user_id)
    if person:
        yield _live(person), database.users.get(user_id=person.id)


def _chat(model: Model, database: Database, random: Random) -> Iterator[Read]:
    key = random.choice(KEYS)
    names: Values = dict(zip(("bot_id", "telegram_chat_id", "business_connection_id"), key, strict=True))
    chat = model.chat(key)
    successor = chat and chat.successor
    yield _live(successor or chat), database.chats.find(**names)
    yield successor, database.chats.successor(**names)
    if chat and chat.id:
        yield _live(successor or chat), database.chats.get(chat_id=chat.id)
        messages = [message for message in reversed(model.live()) if message.chat is chat]
        yield messages, database.messages.recent_in_chat(chat_id=chat.id, page_size=1000)


def _dialogue(model: Model, database: Database, random: Random, message: Message) -> Iterator[Read]:
    key = dialogue(message)
    messages = model.dialogue(message.chat, message.person, key["message_thread_id"])
    size, before_id = random.choice([1, 3, 1000]), random.choice([botcore.NEWEST, message.id])
    recent = [each for each in reversed(messages) if each.id < before_id][:size]
    yield recent, database.messages.recent(**key, page_size=size, before_id=before_id)
    for which in ("newest", "original"):
        limits = {"max_messages": random.choice([1, 3, 1000]), "max_characters": random.choice([1, 13, 30, 60, 16_000])}
        window = model.window(_up_to(before_id, messages), is_original=which == "original", **limits)
        yield window, database.messages.window(**key, **limits, before_id=before_id, versions=which)
    yield model.totals(messages), database.stats.dialogue(**key)
    chat = {"chat_id": message.chat.id, "message_thread_id": key["message_thread_id"]}
    everybody = model.topic(message.chat, key["message_thread_id"])
    spoken = model.window_in_chat(_up_to(before_id, everybody), is_original=True, **limits)
    yield spoken, database.messages.window_in_chat(**chat, **limits, before_id=before_id, versions="original")


def _up_to(before_id: int, messages: list[Message]) -> list[Message]:
    return [each for each in messages if each.fields["role"] == "system" or each.id < before_id]


def _in_order(rows: list[Parent]) -> list[Parent]:
    return sorted((row for row in rows if not row.deleted), key=lambda row: row.id)


def _live(row: Person | Chat | Message | None) -> Person | Chat | Message | None:
    return None if row is None or row.deleted else row
